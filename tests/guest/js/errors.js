const head = (text) => text.split('\n')[0];
console.log(new Error('plain').stack.includes('[stdin]'));
const { log } = console;
class Mine extends TypeError { constructor(m) { super(m); this.name = 'Mine'; } }
for (const error of [new Error('one'), new RangeError('two'), new Mine('three')]) {
  try { throw error; } catch (e) { log(e instanceof Error, e.name, e.message, String(e)); }
}
const cause = new Error('outer', { cause: 'inner' });
log(cause.cause);
log(new AggregateError([new Error('a')], 'many').errors.length);
log(new DOMException('m', 'AbortError').name);
try { null.x; } catch (e) { log(e.name, e.message); }
try { undefinedName; } catch (e) { log(e.name, e.message); }
try { JSON.parse('{'); } catch (e) { log(e.name); }
