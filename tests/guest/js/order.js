// same as node
setTimeout(() => console.log('timer 1'), 1);
setTimeout((a, b) => console.log('timer 20', a, b), 20, 'x', 'y');
const cancelled = setTimeout(() => console.log('never'), 2);
clearTimeout(cancelled);
let ticks = 0;
const interval = setInterval(() => {
  console.log('tick', ++ticks);
  if (ticks === 3) clearInterval(interval);
}, 40);
queueMicrotask(() => console.log('microtask'));
Promise.resolve().then(() => console.log('then'));
(async () => { console.log('async start'); await null; console.log('async end'); })();
console.log('main');
