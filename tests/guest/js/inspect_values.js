// same as node
console.log(1, -0, 0.1, NaN, Infinity, 1e21, 1n, -5n, true, null, undefined);
console.log('text', "it's", ['it\'s', 'say "hi"', `both ' and "`, 'all \' " `']);
console.log(['tab\t', 'line\n', 'nul\0', '\x1b[0m', 'back\\slash', 'ü', '😀', '\ud800']);
console.log(Symbol('s'), [Symbol('s'), Symbol()], [1n]);
console.log({}, [], { a: 1 }, { 'a-b': 1, 2: 3, [Symbol('k')]: 4 });
console.log([undefined, null, , 3, , ,], new Array(5));
console.log(function named() {}, () => {}, class A {}, class B extends Array {},
  async () => {}, Math.max);
console.log([function named() {}, () => {}, class A {}]);
console.log(new Date(0), [new Date(0)], new Date(NaN));
console.log(/a+/g, [/b/]);
console.log(new Boolean(false), new Number(-0), new String('abc'), Object(1n));
console.log({ get a() { return 1; }, set b(v) {}, get c() { return 1; }, set c(v) {} });
console.log(Object.create(null), Object.assign(Object.create(null), { a: 1 }));
console.log(Object.create({ inherited: 1 }));
console.log(globalThis === undefined);
console.log([[[[1]]]], { a: { b: { c: { d: 1 } } } });
console.log(new Proxy({ a: 1 }, {}), new Proxy([1], {}));
console.log(Object.assign(() => {}, { a: 1 }), Object.assign(function f() {}, { b: 2 }));
console.log(-0, [-0], { a: -0 });
console.log('%s is %d years and %i, %f, %j %o %O %%, %x', 'Bob', 42.5, 42.9, '1.5',
  { a: 1 }, 'o', { b: 2 }, 'rest', { c: 3 });
console.log('%s', null, undefined, 5n, Symbol('x'), { toString() { return 'own'; } });
console.log('%s', { a: { b: 1 } }, [1, [2]], 'end');
console.log('%d', '0x10', '%d');
console.log('100%', 5);
console.log();
console.log('');
console.log(' ');
