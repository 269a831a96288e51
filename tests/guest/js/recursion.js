// Each way down ends in an error a program can catch, never in a trap.
const deep = {
  call() { const f = () => f(); f(); },
  method() { const o = { get x() { return this.x; } }; o.x; },
  callback() { const f = () => [1].map(f); f(); },
  toPrimitive() { const o = { [Symbol.toPrimitive]() { return +o; } }; +o; },
  toString() { const o = { toString() { return `${o}`; } }; String(o); },
  regexp() { const f = () => 'a'.replace(/a/, f); f(); },
  json() { JSON.parse('['.repeat(100000)); },
  stringify() { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a); },
  parser() { new Function('return ' + '('.repeat(1e5)); },
  members() { new Function('return ' + '(a.b['.repeat(1e5)); },
  getters() { new Function('return ' + '({get x(){'.repeat(1e5)); },
  unary() { new Function('return ' + '!'.repeat(1e5) + '1'); },
  blocks() { new Function('{'.repeat(1e5)); },
  classes() { new Function('class A{static{'.repeat(1e5)); },
  pattern() { new RegExp('(?:'.repeat(1e5) + ')'.repeat(1e5)); },
  proxies() { let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x; },
  bound() { let f = () => 0; for (let i = 0; i < 4000; i++) f = f.bind(null); f(); },
  eval() { globalThis.again = () => (0, eval)('again()'); again(); },
};
for (const [name, run] of Object.entries(deep)) {
  try { run(); console.log(name, 'returned'); } catch (e) { console.log(name, e.name); }
}
const depth = (n = 1) => { try { return depth(n + 1); } catch { return n; } };
console.log(depth() > 500);
