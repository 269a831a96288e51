// same as node
const original = { d: new Date(5), r: /x/gi, m: new Map([[1, { a: 1 }]]), s: new Set([1]), n: null, u: undefined,
  big: 1n, bytes: new Uint8Array([1, 2]), nested: [[{}]], sparse: [1, , 3], boxed: new Number(1) };
original.self = original;
const copy = structuredClone(original);
console.log(copy);
console.log(copy !== original, copy.self === copy, copy.m.get(1) !== original.m.get(1));
for (const bad of [() => {}, Symbol('x'), { f() {} }]) {
  try { structuredClone(bad); } catch (e) { console.log(e.name); }
}
const error = structuredClone(new TypeError('m'));
console.log(error instanceof TypeError, error.message);
const uuid = crypto.randomUUID();
console.log(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid));
console.log(crypto.getRandomValues(new Uint8Array(1000)).some((x) => x > 0), uuid !== crypto.randomUUID());
for (const bad of [new Float32Array(1), new Uint8Array(65537)]) {
  try { crypto.getRandomValues(bad); } catch (e) { console.log(e.name); }
}
const t = performance.now();
console.log(performance.now() >= t, Date.now() > 1.6e12);
const target = new EventTarget();
target.addEventListener('x', (e) => console.log('once', e.type), { once: true });
target.dispatchEvent(new Event('x'));
target.dispatchEvent(new Event('x'));
const controller = new AbortController();
controller.signal.addEventListener('abort', () => console.log('aborted', controller.signal.reason.name));
controller.abort();
controller.abort();
console.log(controller.signal.aborted, AbortSignal.abort('why').reason);
try { controller.signal.throwIfAborted(); } catch (e) { console.log(e.name); }
console.log(AbortSignal.any([new AbortController().signal, controller.signal]).aborted);
