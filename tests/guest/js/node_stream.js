// same as node
const { Readable, Writable, Transform, PassThrough, pipeline } = require('stream');
const { pipeline: pipe } = require('stream/promises');
const { StringDecoder } = require('string_decoder');
(async () => {
  for await (const x of Readable.from(['a', 'b'])) console.log(x);
  const upper = new Transform({ transform(chunk, encoding, done) { done(null, chunk.toString().toUpperCase()); }, flush(done) { this.push('!'); done(); } });
  const got = [];
  await pipe(Readable.from(['x', 'y']), upper, new Writable({ write(chunk, encoding, done) { got.push(chunk.toString()); done(); } }));
  console.log(got.join(''));
  const r = new Readable({ read() {} });
  r.push('héllo'); r.push(null); r.setEncoding('utf8');
  let text = ''; r.on('data', (d) => { text += d; });
  await new Promise((done) => r.on('end', done)); console.log(text);
  const failed = await pipe(Readable.from([1]), new Writable({ objectMode: true, write(c, e, done) { done(new Error('full')); } })).catch((e) => e.message);
  console.log(failed);
  const p = new PassThrough(); p.end('through'); for await (const c of p) console.log(c.toString());
  await new Promise((done) => pipeline(Readable.from(['1']), new Writable({ write(c, e, next) { next(); } }), (e) => { console.log('pipeline', e); done(); }));
  const d = new StringDecoder('utf8'); const euro = Buffer.from('€');
  console.log(JSON.stringify(d.write(euro.subarray(0, 2))), d.write(euro.subarray(2)), d.end());
  const lazy = new Readable({ read() { this.push(this.n === undefined ? (this.n = 1, 'first') : null); } });
  console.log((await lazy.toArray()).map(String));
})();
