import * as std from 'qjs:std';
const value = await new Promise((resolve) => setTimeout(resolve, 1, 'detected'));
console.log(value, typeof std.loadFile);
