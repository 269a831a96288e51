// Where import and require() lead: the modules of Node.js that a sandbox can
// have, files of the box, and packages in node_modules.
(function (native) {
  'use strict';

  const { resolve, dirname, join, extname } = native.part('path');
  const part = (name, key) => () => native.part(name)[key];

  const builtins = {
    assert: part('assert', 'assert'),
    'assert/strict': part('assert', 'assert'),
    buffer: part('buffer', 'buffer'),
    child_process: part('process', 'child_process'),
    console: () => native.part('console').console,
    crypto: part('crypto', 'crypto'),
    events: part('events', 'EventEmitter'),
    fs: part('fs', 'fs'),
    'fs/promises': part('fs', 'promises'),
    module: () => ({ createRequire, builtinModules: Object.keys(builtins),
      isBuiltin }),
    os: part('node', 'os'),
    path: part('path', 'path'),
    'path/posix': part('path', 'path'),
    perf_hooks: part('node', 'perf_hooks'),
    process: part('system', 'process'),
    querystring: part('node', 'querystring'),
    readline: part('stream', 'readline'),
    'readline/promises': part('stream', 'readlinePromises'),
    stream: part('stream', 'stream'),
    'stream/promises': part('stream', 'streamPromises'),
    string_decoder: part('node', 'string_decoder'),
    timers: part('node', 'timers'),
    'timers/promises': part('node', 'timersPromises'),
    url: part('node', 'url'),
    util: part('util', 'util'),
    'util/types': () => native.part('util').util.types,
  };
  const lacking = ['async_hooks', 'cluster', 'dgram', 'diagnostics_channel',
    'dns', 'domain', 'http', 'http2', 'https', 'inspector', 'net', 'repl',
    'tls', 'tty', 'v8', 'vm', 'wasi', 'worker_threads', 'zlib'];
  const loaded = new Map(); // name of a module of Node.js to what it is
  const cache = Object.create(null); // path to CommonJS module

  function fail(message, code) {
    const error = new Error(message);
    error.code = code;
    throw error;
  }

  function isBuiltin(name) {
    return Object.hasOwn(builtins, name.replace(/^node:/, ''));
  }

  function getBuiltin(name) {
    if (!loaded.has(name)) loaded.set(name, builtins[name]());
    return loaded.get(name);
  }

  // The name of a module of Node.js, undefined for others.
  function asBuiltin(name) {
    const bare = name.replace(/^node:/, '');
    if (Object.hasOwn(builtins, bare)) return bare;
    if (name.startsWith('node:') || lacking.includes(bare))
      fail(`Cannot find module '${name}': the sandbox does not have it` +
        (/^(http2?|https|net)$/.test(bare) ? '; use fetch' : ''),
      'ERR_UNKNOWN_BUILTIN_MODULE');
    return undefined;
  }

  function kindOf(path) {
    const values = native.fileStat(path, true);
    if (values === undefined) return '';
    return (values[2] & 0o170000) === 0o040000 ? 'folder' : 'file';
  }

  const decode = (bytes) => native.utf8Decode(bytes, false);
  const isFile = (path) => kindOf(path) === 'file';

  function readText(path) {
    const text = decode(native.fileRead(path));
    return text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  function readPackage(folder) {
    const path = join(folder, 'package.json');
    if (!isFile(path)) return undefined;
    try {
      return JSON.parse(readText(path)) ?? {};
    } catch (error) {
      return fail(`Invalid package config ${path}: ${error.message}`,
        'ERR_INVALID_PACKAGE_CONFIG');
    }
  }

  const endings = ['', '.js', '.json', '.cjs', '.mjs'];

  // A file as require() names it: without its ending, or its folder alone.
  function findFile(path, isImport) {
    const kind = kindOf(path);
    if (kind === 'file' && !path.endsWith('/')) return path;
    for (const ending of endings)
      if (ending !== '' && isFile(path + ending)) return path + ending;
    if (kind !== 'folder') return undefined;
    const { main, module } = readPackage(path) ?? {};
    for (const name of [isImport ? module : undefined, main, 'index'])
      for (const ending of typeof name === 'string' ? [...endings, '/index.js']
        : [])
        if (isFile(join(path, name + ending))) return join(path, name + ending);
    return undefined;
  }

  // A value of "exports": a path, conditions, or a list of those.
  function chooseExport(value, conditions) {
    if (typeof value === 'string') return value;
    if (Array.isArray(value)) {
      for (const item of value) {
        const found = chooseExport(item, conditions);
        if (found !== undefined) return found;
      }
    } else if (value !== null && typeof value === 'object') {
      for (const key of Object.keys(value)) {
        if (!conditions.includes(key)) continue;
        const found = chooseExport(value[key], conditions);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  function findExport(map, subpath, conditions) {
    if (map === null || typeof map !== 'object' || Array.isArray(map) ||
        !Object.keys(map).some((key) => key.startsWith('.')))
      return subpath === '.' ? chooseExport(map, conditions) : undefined;
    if (Object.hasOwn(map, subpath))
      return chooseExport(map[subpath], conditions);
    for (const key of Object.keys(map)) {
      const [head, tail] = key.split('*');
      if (tail === undefined || !subpath.startsWith(head) ||
          !subpath.endsWith(tail)) continue;
      const middle = subpath.slice(head.length, subpath.length - tail.length);
      return chooseExport(map[key], conditions)?.replaceAll('*', middle);
    }
    return undefined;
  }

  function findPackage(name, folder, isImport) {
    const match = /^(@[^/]+\/[^/]+|[^/]+)(\/.*)?$/.exec(name);
    if (match === null) return undefined;
    const conditions = [isImport ? 'import' : 'require', 'node', 'default'];
    for (let at = folder; ; at = dirname(at)) {
      const root = join(at, 'node_modules', match[1]);
      if (kindOf(root) === 'folder') {
        const { exports } = readPackage(root) ?? {};
        if (exports === undefined)
          return findFile(join(root, match[2] ?? ''), isImport);
        const target = findExport(exports, `.${match[2] ?? ''}`, conditions);
        return target && findFile(join(root, target), isImport);
      }
      if (at === '/') return undefined;
    }
  }

  function find(name, folder, isImport) {
    if (name.startsWith('file://'))
      return findFile(decodeURIComponent(name.slice(7)), isImport);
    if (/^(\.{0,2}\/|\.{1,2}$)/.test(name))
      return findFile(name.endsWith('/') ? `${resolve(folder, name)}/`
        : resolve(folder, name), isImport);
    return findPackage(name, folder, isImport);
  }

  function folderOf(base) {
    return base.startsWith('[') ? resolve('.') : dirname(resolve(base));
  }

  // For the engine: the canonical name of what `import name` in base means.
  function resolveImport(base, name) {
    const builtin = asBuiltin(name);
    if (builtin !== undefined) return `node:${builtin}`;
    const found = find(name, folderOf(base), true);
    if (found !== undefined) return found;
    if (/^https?:/.test(name))
      fail(`Cannot import '${name}': only files of the sandbox are modules`,
        'ERR_UNSUPPORTED_ESM_URL_SCHEME');
    return fail(`Cannot find ${/^[./]/.test(name) ? 'module' : 'package'} ` +
      `'${name}' imported from ${base}`, 'ERR_MODULE_NOT_FOUND');
  }

  const noNames = ['default', 'module.exports'];

  function pairOf(value) {
    const isObject = value !== null && (typeof value === 'object' ||
      typeof value === 'function');
    const names = isObject ? Object.keys(value)
      .filter((name) => !noNames.includes(name)) : [];
    return [[...names, 'default'], [...names.map((name) => value[name]), value]];
  }

  // "module" or "commonjs" by the nearest package.json; undefined without.
  function typeOf(path) {
    for (let at = dirname(path); ; at = dirname(at)) {
      const found = readPackage(at);
      if (found !== undefined || at === '/') return found?.type;
    }
  }

  function isCommonJs(path) {
    const ending = extname(path);
    if (ending === '.cjs') return true;
    if (ending !== '.js' && ending !== '') return false;
    const type = typeOf(path);
    if (type !== undefined) return type !== 'module';
    const text = readText(path);
    if (!/\b(module|exports|require|__filename|__dirname)\b/.test(text)) return false;
    try {
      compile(text, path);
      return true;
    } catch {
      return false; // the module's own error is told
    }
  }

  // For the engine: names and values of a module that is none of its own.
  function loadImport(name) {
    if (name.startsWith('node:')) return pairOf(getBuiltin(name.slice(5)));
    if (!isCommonJs(name)) return undefined;
    return pairOf(load(name, mainModule));
  }

  // import.meta of a file's module.
  function describe(name, meta, isMain) {
    const path = name.startsWith('[') ? name : resolve(name);
    meta.url = name.startsWith('[') ? `file://${join(resolve('.'), name)}`
      : `file://${path.split('/').map(encodeURIComponent).join('/')}`;
    meta.main = isMain;
    if (name.startsWith('[')) return;
    meta.filename = path;
    meta.dirname = dirname(path);
    meta.resolve = (other) => {
      const found = resolveImport(path, String(other));
      return found.startsWith('node:') ? found : `file://${found}`;
    };
  }

  // ---- CommonJS

  function compile(text, path) {
    return native.compileFunction(
      'exports, require, module, __filename, __dirname', text, path);
  }

  function Module(id, parent) {
    this.id = id;
    this.path = dirname(id);
    this.exports = {};
    this.filename = id;
    this.loaded = false;
    this.children = [];
    this.paths = [];
    Object.defineProperty(this, 'parent', { value: parent });
  }

  const loaders = {
    '.json': (module, path) => {
      try {
        module.exports = JSON.parse(readText(path));
      } catch (error) {
        error.message = `${path}: ${error.message}`;
        throw error;
      }
    },
    '.js': (module, path) => {
      let run;
      const text = readText(path);
      try {
        run = compile(text, path);
      } catch (error) {
        if (!/^\s*(import|export)\b/m.test(text)) throw error;
        fail(`require() of ES module ${path} is not supported; use ` +
          `import() of it`, 'ERR_REQUIRE_ESM');
      }
      run.call(module.exports, module.exports, makeRequire(path, module),
        module, path, dirname(path));
    },
  };

  function load(path, parent) {
    if (cache[path] !== undefined) return cache[path].exports;
    const module = new Module(path, parent);
    cache[path] = module;
    try {
      if (extname(path) === '.mjs')
        fail(`require() of ES module ${path} is not supported; use ` +
          `import() of it`, 'ERR_REQUIRE_ESM');
      (loaders[extname(path)] ?? loaders['.js'])(module, path);
      module.loaded = true;
    } catch (error) {
      delete cache[path];
      throw error;
    }
    return module.exports;
  }

  function makeRequire(base, parent) {
    const where = (name) => {
      if (typeof name !== 'string' || name === '')
        throw new TypeError('require: expected a name');
      const found = find(name, folderOf(base), false);
      if (found === undefined)
        fail(`Cannot find module '${name}'\nRequire stack:\n- ${base}`,
          'MODULE_NOT_FOUND');
      return found;
    };
    const own = (name) => typeof name === 'string' ? asBuiltin(name)
      : undefined;
    const require = (name) => {
      const builtin = own(name);
      return builtin !== undefined ? getBuiltin(builtin)
        : name === 'std' || name === 'qjs:std' ? native.part('system').std
          : name === 'qjs:os' ? native.part('system').os
            : load(where(name), parent);
    };
    require.resolve = (name) => own(name) !== undefined ? name : where(name);
    require.main = mainModule;
    require.cache = cache;
    require.extensions = loaders;
    return require;
  }

  function createRequire(from) {
    const text = String(from);
    return makeRequire(text.startsWith('file://')
      ? decodeURIComponent(text.slice(7)) : text, mainModule);
  }

  const mainPath = native.mainFile === undefined ? '[eval]'
    : resolve(native.mainFile);
  const mainModule = new Module(mainPath, null);
  mainModule.id = '.';
  if (native.mainFile === undefined) mainModule.path = '.';
  mainModule.require = makeRequire(mainPath, mainModule);

  return { require: mainModule.require, module: mainModule,
    exports: mainModule.exports, createRequire, resolveImport, loadImport,
    describe, __filename: mainPath,
    __dirname: native.mainFile === undefined ? '.' : dirname(mainPath) };
})
