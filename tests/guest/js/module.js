// args: -m
import * as std from 'std';
import * as os from 'os';
import { symlink, exec } from 'os';
export const unused = 1;
console.log(typeof std.open, typeof os.readdir, typeof symlink, this);
console.log(std === globalThis.std, os.open === globalThis.os.open);
console.log(await Promise.resolve('top-level await'));
try { exec(['ls']); } catch (e) { console.log(e.message); }
console.log(typeof import.meta.url);
const later = await import('std');
console.log(later.open === std.open);
try { await import('./missing.js'); } catch (e) { console.log(e.name); }
