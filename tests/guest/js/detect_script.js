// A classic script, though it has the words: import, export and await.
var await = 'a name in a script';
console.log(await, this === globalThis);
with ({ sloppy: true }) console.log(sloppy);
import('std').then((std) => console.log(typeof std.open));
