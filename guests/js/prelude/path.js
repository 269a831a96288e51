// node:path, POSIX only.
(function (native) {
  'use strict';

  function check(path, name = 'path') {
    if (typeof path === 'string') return;
    const error = new TypeError(`The "${name}" argument must be of type ` +
      `string. Received ${path === null ? 'null' : typeof path}`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }

  function normalize(path) {
    check(path);
    if (path === '') return '.';
    const isAbsolute = path.startsWith('/');
    const kept = [];
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      if (part !== '..') kept.push(part);
      else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
      else if (!isAbsolute) kept.push('..');
    }
    let text = kept.join('/');
    if (text !== '' && path.endsWith('/')) text += '/';
    if (text === '' && !isAbsolute) text = path.endsWith('/') ? './' : '.';
    return isAbsolute ? `/${text}` : text;
  }

  function join(...paths) {
    for (const path of paths) check(path);
    const text = paths.filter((path) => path !== '').join('/');
    return text === '' ? '.' : normalize(text);
  }

  function resolve(...paths) {
    let text = '';
    for (let i = paths.length - 1; i >= 0 && !text.startsWith('/'); i--) {
      check(paths[i], `paths[${i}]`);
      if (paths[i] !== '') text = text === '' ? paths[i] : `${paths[i]}/${text}`;
    }
    if (!text.startsWith('/')) text = `${native.cwd()}/${text}`;
    text = normalize(text);
    return text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text;
  }

  function dirname(path) {
    check(path);
    const text = path.replace(/\/+$/, '');
    if (text === '') return path.startsWith('/') ? '/' : '.';
    const end = text.lastIndexOf('/');
    if (end < 0) return '.';
    return text.slice(0, end).replace(/\/+$/, '') || '/';
  }

  function basename(path, suffix = '') {
    check(path);
    if (suffix !== '' && path === suffix) return '';
    const text = path.replace(/\/+$/, '');
    const base = text.slice(text.lastIndexOf('/') + 1);
    return suffix !== '' && base !== suffix && base.endsWith(suffix)
      ? base.slice(0, -suffix.length) : base;
  }

  function extname(path) {
    const base = basename(path);
    const dot = base.lastIndexOf('.');
    return dot <= 0 || base === '..' ? '' : base.slice(dot);
  }

  function parse(path) {
    const root = path.startsWith('/') ? '/' : '';
    const base = basename(path);
    const ext = extname(path);
    const name = ext === '' ? base : base.slice(0, -ext.length);
    const above = dirname(path);
    return { root, dir: above === '.' && !path.startsWith('.') ? '' : above,
      base, ext, name };
  }

  function format({ root = '', dir = '', base, name = '', ext = '' }) {
    const dot = ext !== '' && !ext.startsWith('.') ? '.' : '';
    const file = base || `${name}${dot}${ext}`;
    if (dir === '') return root + file;
    return dir === root ? dir + file : `${dir}/${file}`;
  }

  function relative(from, to) {
    const start = resolve(from).split('/').filter(Boolean);
    const end = resolve(to).split('/').filter(Boolean);
    let same = 0;
    while (same < start.length && same < end.length &&
        start[same] === end[same]) same++;
    return [...start.slice(same).map(() => '..'), ...end.slice(same)].join('/');
  }

  const path = { normalize, join, resolve, dirname, basename, extname, parse,
    format, relative, isAbsolute: (name) => (check(name),
      name.startsWith('/')),
    toNamespacedPath: (name) => name, sep: '/', delimiter: ':' };
  path.posix = path;
  return { path, normalize, join, resolve, dirname, basename, extname };
})
