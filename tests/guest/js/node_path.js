// same as node
const path = require('node:path');
const list = ['', '.', '/', '//', 'a', 'a/', '/a/b/../c', '../..', 'a/../../b', './x/', '/..', 'a//b/./c.tar.gz', '.bashrc', 'x.', '..', '/a/b.c/'];
for (const p of list)
  console.log(JSON.stringify([p, path.normalize(p), path.dirname(p), path.basename(p), path.extname(p), path.isAbsolute(p)]));
console.log(path.join('a', '..', '..', 'b'), path.join(''), path.join('/a', '/b'), path.join('a', '', 'b/'));
console.log(path.resolve('/a', 'b', '../c'), path.resolve('/a', '/b', '..'), path.resolve('/x/'));
console.log(path.relative('/a/b/c', '/a/d'), path.relative('/a', '/a'), path.relative('/', '/x/y'));
console.log(path.parse('/home/u/f.txt'), path.parse('f'), path.parse('./a/b.c.d'));
console.log(path.format({ dir: '/a', name: 'b', ext: '.c' }), path.format({ root: '/', base: 'x' }), path.format(path.parse('a/b.c')));
console.log(path.basename('a.html', '.html'), path.basename('.html', '.html'), path.posix === path, path.sep);
try { path.join(1); } catch (e) { console.log(e.name, e.code); }
