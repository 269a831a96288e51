// same as node
const encoder = new TextEncoder();
console.log(encoder.encode('aü€😀\ud800'), encoder.encoding);
console.log(encoder.encodeInto('a😀b', new Uint8Array(4)));
const decoder = new TextDecoder();
console.log(decoder.decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xe2, 0x82, 0x62, 0xf0, 0x9f, 0x98, 0x80])));
console.log([...decoder.decode(new Uint8Array([0xed, 0xa0, 0x80, 0xc0, 0xaf, 0xf5, 0xe2, 0x82]))].length);
for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80]]) {
  try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes)); } catch (e) { console.log(e.name); }
}
const stream = new TextDecoder();
console.log([[0xe2], [0x82, 0xac, 0xf0, 0x9f], [0x98], [0x80]].map((b) => stream.decode(new Uint8Array(b), { stream: true })));
console.log(stream.decode(new Uint8Array([0xe2])).length, JSON.stringify(stream.decode()));
console.log(new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf])).length);
console.log(decoder.decode(new Uint16Array([0x6161]).buffer), decoder.decode(new DataView(new ArrayBuffer(0))).length);
try { new TextDecoder('nonsense'); } catch (e) { console.log(e.name); }
console.log(btoa('hello'), atob('aGVsbG8='));
try { btoa('€'); } catch (e) { console.log(e.name); }
