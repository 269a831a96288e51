// same as node
console.log({ first: 'a'.repeat(30), second: 'b'.repeat(30) });
console.log({ first: 'a'.repeat(30), second: 'b'.repeat(30), third: 3 });
console.log({ name: 'x', list: [1, 2, 3], nested: { deep: { deeper: 1 } } });
console.log([{ a: 1, b: 2 }, { a: 3, b: 4 }]);
console.log([{ id: 1, name: 'some longer name', tags: ['a', 'b'] },
  { id: 2, name: 'another longer name', tags: [] }]);
console.log(Array.from({ length: 7 }, (_, i) => i));
console.log(Array.from({ length: 27 }, (_, i) => i * 3));
console.log(Array.from({ length: 101 }, (_, i) => i));
console.log(Array.from({ length: 120 }, (_, i) => i * i));
console.log(Array.from({ length: 10 }, (_, i) => 'x'.repeat(i)));
console.log(Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i)));
console.log(Array.from({ length: 8 }, (_, i) => ({ i })));
console.log(Array.from({ length: 9 }, (_, i) => i % 2 ? i : `s${i}`));
console.log({ a: Array.from({ length: 30 }, (_, i) => i) });
console.log([1.5, -2, 3, 4, 5, 6, 7, 8].concat([1000]));
console.log(['a\nb', 'c']);
console.log({ text: 'one\ntwo', more: 'x'.repeat(70) });
console.log({ f() {}, g: () => {}, h: class {} });
console.log({ a: 1, b: 'two', c: [3, 4, { five: 5 }], d: { e: { f: { g: 1 } } } });
console.log([[1, 2, [3, 4, [5, [6]]], { a: { b: { c: {} } } }]]);
console.log([['a', 1], ['b', 2], ['c', 3]]);
console.log(JSON.parse('{"users":[{"id":1,"name":"Ann","roles":["admin","user"],"address":{"city":"Berlin","geo":{"lat":52.5,"lon":13.4}}},{"id":2,"name":"Bob","roles":[],"address":null}],"total":2}'));
