// same as node
const assert = require('assert');
const told = (run) => { try { run(); return 'passed'; } catch (e) { return `${e.name} ${e.code}`; } };
console.log(told(() => assert(1)), told(() => assert(0)), told(() => assert.ok('')), told(() => assert.equal(1, '1')), told(() => assert.equal(1, 2)), told(() => assert.strictEqual(1, '1')), told(() => assert.deepStrictEqual({ a: [1] }, { a: [1] })), told(() => assert.deepStrictEqual({ a: 1 }, { a: '1' })), told(() => assert.deepEqual({ a: 1 }, { a: '1' })), told(() => assert.notDeepStrictEqual([1], [1])));
const bad = () => { throw new TypeError('wrong thing'); };
console.log(told(() => assert.throws(bad)), told(() => assert.throws(bad, TypeError)), told(() => assert.throws(bad, /thing/)), told(() => assert.throws(bad, { message: 'wrong thing', name: 'TypeError' })), told(() => assert.throws(bad, (e) => e.message.length > 3)), told(() => assert.throws(bad, RangeError)), told(() => assert.throws(bad, /else/)), told(() => assert.throws(() => {})), told(() => assert.doesNotThrow(() => {})));
console.log(told(() => assert.match('abc', /b/)), told(() => assert.match('abc', /x/)), told(() => assert.fail('why')), told(() => assert.ifError(null)), told(() => assert.strict.equal(1, '1')), told(() => assert(false, new RangeError('own'))));
try { assert.strictEqual(1, 2, 'the message'); } catch (e) { console.log(e.actual, e.expected, e.operator, e instanceof assert.AssertionError, e instanceof Error); }
assert.rejects(Promise.reject(new Error('r')), /r/).then(() => console.log('rejected'));
assert.rejects(Promise.resolve()).catch((e) => console.log(e.code));
