// Lazy names behave as plain ones: they can be replaced, shadowed and listed.
console.log(typeof fetch, typeof URL, typeof setTimeout, typeof os.open, typeof nothing);
URL = 5;
console.log(URL);
function fetch() { return 'own'; }
console.log(fetch());
{ const os = 1; console.log(os); }
var std = 'mine';
console.log(std, delete globalThis.crypto, typeof crypto);
console.log(Object.keys(globalThis).includes('fetch'));
Object.prototype.polluted = 1;
console.log({ a: 1 });
Array.prototype.map = () => { throw new Error('replaced'); };
console.log([1, 2, 3]);
