// same as node
const { Buffer: B } = require('buffer');
console.log(B === Buffer, Buffer.from('héllo'), Buffer.from('68656c6c6fzz', 'hex'), Buffer.from('aGk_-w', 'base64').length);
for (const e of ['utf8', 'hex', 'base64', 'base64url', 'latin1', 'ascii', 'utf16le'])
  console.log(e, JSON.stringify(Buffer.from('a\u00e9\u20ac\ud83d\ude00').toString(e)), Buffer.byteLength('a\u00e9\u20ac', e), Buffer.from('abÿ', e));
console.log(Buffer.concat([Buffer.from('a'), Buffer.from('bc')]).toString(), Buffer.concat([Buffer.from('abc')], 2).toString());
console.log(Buffer.alloc(3), Buffer.alloc(5, 'ab'), Buffer.from([1, 256, -1]), Buffer.of(7), new Uint8Array(Buffer.from('x')));
const b = Buffer.alloc(16);
b.writeUInt32BE(0xdeadbeef, 0); b.writeInt16LE(-2, 4); b.writeDoubleLE(1.5, 8); b.writeUInt8(255, 6);
console.log(b, b.readUInt32BE(0), b.readInt16LE(4), b.readDoubleLE(8), b.readUint8(6), b.readBigUInt64BE(0), b.readUIntBE(0, 3));
for (const run of [() => b.readUInt8(16), () => b.writeUInt8(256, 0), () => b.writeInt8(-129, 0), () => Buffer.from(5), () => Buffer.from('a', 'nope'), () => Buffer.alloc(-1)])
  try { run(); console.log('returned'); } catch (e) { console.log(e.name, e.code); }
console.log(b[0], b.subarray(0, 2) instanceof Buffer, b.slice(4, 6).length, Buffer.isBuffer(b), Buffer.isBuffer(new Uint8Array(1)));
const t = Buffer.from('hello hello');
console.log(t.indexOf('llo'), t.indexOf('llo', 5), t.indexOf('zz'), t.includes('o h'), t.lastIndexOf('llo'), t.indexOf(0x6f), t.equals(Buffer.from('hello hello')));
console.log(Buffer.compare(Buffer.from('a'), Buffer.from('b')), t.toString('utf8', 6, 8), JSON.stringify(Buffer.from('hi')), Buffer.from(JSON.parse(JSON.stringify(Buffer.from('hi')))).toString());
console.log(t.write('J€', 0), t.toString(), Buffer.alloc(2).write('€'), t.copy(b, 14), b.toString('hex', 14), Buffer.from('abcd').swap16().toString());
console.log([...Buffer.from('ab').entries()], Buffer.from('ab').map((x) => x + 1).toString(), Buffer.isEncoding('UTF-8'), Buffer.from(new Uint16Array([1, 2]).buffer));
console.log(Buffer.from([0xff, 0x61]).toString(), Buffer.alloc(60, 1));
