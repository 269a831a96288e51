// same as node
const url = require('url'); const qs = require('querystring'); const timers = require('timers/promises');
console.log(url.fileURLToPath('file:///a%20b/c'), String(url.pathToFileURL('/a b/c#d')), url.parse('http://u:p@h:8/p/q?x=1#f').hostname, url.parse('/p?x=1').query, url.parse('http://h/?a=1&a=2', true).query.a, url.resolve('http://h/a/b', '../c'));
console.log(qs.parse('a=1&b=x%20y&a=2&c').a, qs.parse('a=1+2').a, qs.stringify({ a: [1, 2], b: 'x y', c: true, d: null }), qs.escape('é&'));
(async () => { console.log(await timers.setTimeout(1, 'value')); let n = 0; for await (const x of timers.setInterval(1, 'tick')) { console.log(x); if (++n === 2) break; } })();
console.log(require('os').EOL === '\n', typeof require('perf_hooks').performance.now(), require('node:timers').setTimeout === setTimeout, require('process') === process, require('console') === console);
console.log(process.argv.length, typeof process.version, process.uptime() >= 0, process.hrtime().length, typeof process.memoryUsage().heapUsed, process.env.NOPE, 'PATH_X' in process.env);
process.env.OWN = 5; console.log(process.env.OWN, typeof process.env.OWN); delete process.env.OWN; console.log(process.env.OWN);
try { require('./no-such-file'); } catch (e) { console.log(e.code, e.message.split('\n')[0]); }
try { require('no-such-package'); } catch (e) { console.log(e.code, e.message.split('\n')[0]); }
console.log(require('module').builtinModules.includes('fs'), require.resolve('fs'), typeof module, typeof exports);
process.stdout.write('written\n', () => console.log('done'));
process.on('exit', (code) => console.log('exit', code, process.exitCode));
