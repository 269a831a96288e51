// same as node
const util = require('util');
console.log(util.format('%s %d %j %%', 'a', 1, { b: 2 }, 'rest'), util.inspect({ a: { b: { c: { d: 1 } } } }, { depth: 0 }), util.inspect('x'));
util.promisify((a, done) => done(null, a + 1))(1).then((x) => console.log('promise', x));
util.promisify((done) => done(new Error('no')))().catch((e) => console.log(e.message));
util.callbackify(async (x) => x * 2)(4, (e, x) => console.log('callback', e, x));
const eq = util.isDeepStrictEqual;
const cyclic = () => { const a = {}; a.a = a; return a; };
console.log(eq({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), eq([1], ['1']), eq(new Map([[{ a: 1 }, 2]]), new Map([[{ a: 1 }, 2]])), eq(new Set([1, 2]), new Set([2, 1])), eq(NaN, NaN), eq(0, -0), eq(new Date(1), new Date(2)), eq(/a/g, /a/g), eq(cyclic(), cyclic()), eq({ a: undefined }, {}), eq([1, , 2], [1, undefined, 2]));
console.log(util.types.isDate(new Date()), util.types.isPromise(Promise.resolve()), util.types.isRegExp({}), util.types.isProxy(new Proxy({}, {})), util.types.isTypedArray(new Uint8Array()));
const parse = (args, options, rest) => { try { const { values, positionals } = util.parseArgs({ args, options, ...rest }); return JSON.stringify({ values, positionals }); } catch (e) { return e.code; } };
const options = { file: { type: 'string', short: 'f' }, all: { type: 'boolean', short: 'a' }, many: { type: 'string', multiple: true }, size: { type: 'string', default: '5' } };
for (const args of [['--file', 'x', '-a'], ['-afx'], ['--file=x', '--many', '1', '--many=2'], ['pos'], ['--nope'], ['--all=1'], ['--file']]) console.log(parse(args, options));
console.log(parse(['a', '--', '--b'], options, { allowPositionals: true }), util.stripVTControlCharacters('\x1b[31mred\x1b[0m'));
function Old() {} function Base() {} Base.prototype.x = 1; util.inherits(Old, Base); console.log(new Old().x);
