// same as node
const EventEmitter = require('events');
const { once, on } = EventEmitter;
class Own extends EventEmitter {}
const e = new Own();
e.on('a', (x) => console.log('on', x)).once('a', (x) => console.log('once', x)).prependListener('a', () => console.log('first'));
console.log(e.emit('a', 1), e.emit('a', 2), e.emit('b'), e.listenerCount('a'), e.eventNames());
const f = () => console.log('never');
e.on('c', f).off('c', f).emit('c');
try { e.emit('error', new Error('unheard')); } catch (x) { console.log(x.message); }
e.on('error', (x) => console.log('heard', x.message)).emit('error', new Error('e'));
try { e.on('x', 5); } catch (x) { console.log(x.name); }
e.on('twice', function () { console.log(this === e); e.removeAllListeners('twice'); });
e.on('twice', () => console.log('still'));
e.emit('twice'); console.log(e.emit('twice'), EventEmitter.EventEmitter === EventEmitter);
(async () => {
  setTimeout(() => e.emit('later', 1, 2), 1);
  console.log(await once(e, 'later'));
  setTimeout(() => { e.emit('n', 1); e.emit('n', 2); }, 1);
  let count = 0;
  for await (const [n] of on(e, 'n')) { console.log(n); if (++count === 2) break; }
})();
