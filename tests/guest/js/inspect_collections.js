// same as node
console.log(new Map(), new Set());
console.log(new Map([['a', 1], ['b', { c: 2 }]]), new Set([1, 'two', [3]]));
console.log(new Map([[{ k: 1 }, new Map([[1, 2]])]]));
console.log([new Map([[1, new Map([[2, new Map([[3, new Map()]])]])]])]);
console.log(new Set(Array.from({ length: 105 }, (_, i) => i)).size);
console.log(new WeakMap(), new WeakSet());
console.log(new Uint8Array(3), new Float64Array([1.5, -0]), new BigInt64Array(2));
console.log(new Uint8Array(10));
console.log(new ArrayBuffer(4));
console.log(Promise.resolve(5), new Promise(() => {}), (async () => { return { a: 1 }; })());
const rejected = Promise.reject(new Error('x').message);
rejected.catch(() => {});
console.log(rejected);
console.log([1, 2][Symbol.iterator]().toString());
console.log(Object.assign([1, 2], { extra: true, 5: 6 }));
class Point { constructor() { this.x = 1; this.y = 2; } }
console.log(new Point(), [new Point()], { p: new Point() });
class Empty {}
console.log(new Empty(), new (class extends Map {})([[1, 2]]));
class Tagged { get [Symbol.toStringTag]() { return 'T'; } }
console.log(new Tagged());
class List extends Array {}
console.log(List.from([1, 2]));
const circular = { name: 'c' };
circular.self = circular;
circular.list = [circular, { circular }];
console.log(circular);
const a = {}, b = { a };
a.b = b;
console.log(a, [a, b]);
const shared = { s: 1 };
console.log([shared, shared]);
(function () { console.log(arguments); })(1, 'two');
function* generator() {}
console.log(generator());
console.log({ [Symbol.for('nodejs.util.inspect.custom')]() { return 'CUSTOM'; } });
