// node:fs. The calls that wait and those that do not are the same: a sandbox
// answers at once, and its callbacks and promises come in a later turn.
(function (native) {
  'use strict';

  const { view, encodingOf, Buffer } = native.part('buffer');
  const { join, dirname, resolve } = native.part('path');
  const constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1, COPYFILE_EXCL: 1,
    O_RDONLY: native.O_RDONLY, O_WRONLY: native.O_WRONLY,
    O_RDWR: native.O_RDWR, O_CREAT: native.O_CREAT, O_EXCL: native.O_EXCL,
    O_TRUNC: native.O_TRUNC, O_APPEND: native.O_APPEND, S_IFMT: 0o170000,
    S_IFREG: 0o100000, S_IFDIR: 0o040000, S_IFLNK: 0o120000 };
  const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } =
    constants;
  const flagNames = { r: O_RDONLY, 'r+': O_RDWR, rs: O_RDONLY,
    w: O_WRONLY | O_CREAT | O_TRUNC, wx: O_WRONLY | O_CREAT | O_EXCL,
    'w+': O_RDWR | O_CREAT | O_TRUNC, 'wx+': O_RDWR | O_CREAT | O_EXCL,
    a: O_WRONLY | O_CREAT | O_APPEND, ax: O_WRONLY | O_CREAT | O_EXCL |
      O_APPEND, 'a+': O_RDWR | O_CREAT | O_APPEND };

  function fail(code, text, syscall, path) {
    throw Object.assign(new Error(`${code}: ${text}, ${syscall} '${path}'`),
      { code, syscall, path });
  }

  function pathOf(value) {
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) return view(value).toString();
    if (value !== null && typeof value === 'object' &&
        value.protocol === 'file:') return decodeURIComponent(value.pathname);
    const error = new TypeError('The "path" argument must be of type string ' +
      'or an instance of Buffer or URL. Received ' +
      (value === null ? 'null' : typeof value));
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }

  const fileOf = (value) => typeof value === 'number' ? value
    : pathOf(value) === '/dev/stdin' ? 0 : pathOf(value);
  const optionsOf = (options) => typeof options === 'string'
    ? { encoding: options } : options ?? {};

  function bytesOf(data, encoding) {
    if (typeof data === 'string') return Buffer.from(data, encoding);
    if (ArrayBuffer.isView(data))
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const error = new TypeError('The "data" argument must be of type string ' +
      'or an instance of Buffer, TypedArray, or DataView. Received ' +
      (data === null ? 'null' : typeof data));
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }

  function flagsOf(flag) {
    const flags = typeof flag === 'number' ? flag : flagNames[flag];
    if (flags === undefined)
      throw new TypeError(`The value '${flag}' is no flag; expected r, w, a, ` +
        'r+, w+, a+, wx or ax');
    return flags;
  }

  // ---- what a path is

  class Stats {
    constructor([dev, ino, mode, nlink, size, atimeMs, mtimeMs, ctimeMs]) {
      Object.assign(this, { dev, mode, nlink, uid: 0, gid: 0, rdev: 0,
        blksize: 4096, ino, size, blocks: Math.ceil(size / 512), atimeMs,
        mtimeMs, ctimeMs, birthtimeMs: ctimeMs, atime: new Date(atimeMs),
        mtime: new Date(mtimeMs), ctime: new Date(ctimeMs),
        birthtime: new Date(ctimeMs) });
    }
    #is(kind) { return (this.mode & constants.S_IFMT) === kind; }
    isFile() { return this.#is(constants.S_IFREG); }
    isDirectory() { return this.#is(constants.S_IFDIR); }
    isSymbolicLink() { return this.#is(constants.S_IFLNK); }
    isFIFO() { return this.#is(0o010000); }
    isSocket() { return this.#is(0o140000); }
    isCharacterDevice() { return this.#is(0o020000); }
    isBlockDevice() { return this.#is(0o060000); }
  }

  class Dirent {
    #kind;
    constructor(name, parentPath, kind) {
      this.name = name;
      this.parentPath = parentPath;
      this.path = parentPath;
      this.#kind = kind;
    }
    isFile() { return this.#kind === 'f'; }
    isDirectory() { return this.#kind === 'd'; }
    isSymbolicLink() { return this.#kind === 'l'; }
    isFIFO() { return false; }
    isSocket() { return false; }
    isCharacterDevice() { return false; }
    isBlockDevice() { return false; }
  }

  function look(path, follows, options) {
    const values = native.fileStat(path, follows);
    if (values !== undefined) return new Stats(values);
    if (options?.throwIfNoEntry === false) return undefined;
    return fail('ENOENT', 'no such file or directory',
      follows ? 'stat' : 'lstat', path);
  }

  const tryStat = (path, follows = true) => look(path, follows,
    { throwIfNoEntry: false });

  function existsSync(path) {
    try {
      return native.fileStat(pathOf(path), true) !== undefined;
    } catch {
      return false;
    }
  }

  function readdirSync(path, options) {
    const { withFileTypes, recursive } = optionsOf(options);
    const root = pathOf(path);
    const found = [];
    const walk = (folder, prefix) => {
      for (const entry of native.fileList(folder)) {
        const kind = entry[0];
        const name = entry.slice(1);
        found.push(withFileTypes ? new Dirent(name, folder, kind)
          : prefix + name);
        if (recursive && kind === 'd')
          walk(join(folder, name), `${prefix}${name}/`);
      }
    };
    walk(root, '');
    return withFileTypes ? found.sort((a, b) => a.name < b.name ? -1 : 1)
      : found.sort();
  }

  function realpathSync(path) {
    let at = '/';
    const rest = resolve(pathOf(path)).split('/').filter(Boolean);
    for (let links = 0; rest.length > 0;) {
      const next = join(at, rest.shift());
      if (!look(next, false).isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > 40)
        fail('ELOOP', 'too many symbolic links encountered', 'realpath', path);
      const target = native.fileReadlink(next);
      rest.unshift(...resolve(at, target).split('/').filter(Boolean));
      at = '/';
    }
    return at;
  }

  // ---- contents

  function readFileSync(path, options) {
    const { encoding } = optionsOf(options);
    if (encoding) encodingOf(encoding);
    const bytes = view(native.fileRead(fileOf(path)));
    return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
  }

  function put(path, data, options, flag) {
    const { encoding, flag: given } = optionsOf(options);
    const bytes = bytesOf(data, encoding);
    if (typeof path === 'number') {
      native.fileWriteAt(path, bytes, null);
      return;
    }
    const fd = openSync(path, given ?? flag);
    try {
      native.fileWriteAt(fd, bytes, null);
    } finally {
      closeSync(fd);
    }
  }

  const standard = { '/dev/stdin': 0, '/dev/stdout': 1, '/dev/stderr': 2 };
  function openSync(path, flags = 'r') {
    const name = pathOf(path);
    return standard[name] ?? native.fileOpen(name, flagsOf(flags));
  }

  // The standard streams stay: what is printed later goes there.
  function closeSync(fd) {
    if (fd > 2) native.fileClose(fd);
  }

  // The arguments behind the buffer, or an object of them.
  function spanOf(bytes, at, length, position) {
    if (at !== null && typeof at === 'object')
      ({ offset: at, length, position } = at);
    const start = at ?? 0;
    const end = start + (length ?? bytes.byteLength - start);
    if (start < 0 || end < start || end > bytes.byteLength)
      throw new RangeError('The value of "length" is out of range');
    return [new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start),
      typeof position === 'bigint' ? Number(position) : position ?? null];
  }

  function readSync(fd, bytes, at, length, position) {
    return native.fileReadAt(fd, ...spanOf(bytes, at, length, position));
  }

  function writeSync(fd, data, at, length, position) {
    if (typeof data === 'string')
      return native.fileWriteAt(fd, Buffer.from(data, length),
        typeof at === 'number' ? at : null);
    return native.fileWriteAt(fd, ...spanOf(data, at, length, position));
  }

  function truncateSync(path, length = 0) {
    const fd = openSync(path, 'r+');
    try {
      native.fileTruncate(fd, length);
    } finally {
      closeSync(fd);
    }
  }

  function copyFileSync(from, to, mode = 0) {
    const bytes = native.fileRead(pathOf(from));
    put(pathOf(to), bytes, undefined,
      mode & constants.COPYFILE_EXCL ? 'wx' : 'w');
  }

  // ---- changes

  function mkdirSync(path, options) {
    const name = pathOf(path);
    if (!options?.recursive) {
      native.fileMkdir(name);
      return undefined;
    }
    const found = tryStat(name);
    if (found?.isDirectory()) return undefined;
    if (found !== undefined)
      fail('EEXIST', 'file already exists', 'mkdir', name);
    const above = dirname(name);
    const first = above === name ? undefined : mkdirSync(above, options);
    native.fileMkdir(name);
    return first ?? resolve(name);
  }

  function removeTree(path) {
    for (const entry of native.fileList(path)) {
      const inner = join(path, entry.slice(1));
      if (look(inner, false).isDirectory()) removeTree(inner);
      else native.fileUnlink(inner);
    }
    native.fileRmdir(path);
  }

  function rmSync(path, options = {}) {
    const name = pathOf(path);
    const found = tryStat(name, false);
    if (found === undefined) {
      if (options.force) return;
      fail('ENOENT', 'no such file or directory', 'rm', name);
    }
    if (!found.isDirectory()) native.fileUnlink(name);
    else if (options.recursive) removeTree(name);
    else throw Object.assign(new Error('Path is a directory: rm returned ' +
      `EISDIR (is a directory) ${name}`), { code: 'ERR_FS_EISDIR' });
  }

  function rmdirSync(path, options = {}) {
    if (options.recursive) removeTree(pathOf(path));
    else native.fileRmdir(pathOf(path));
  }

  function cpSync(from, to, options = {}) {
    const source = pathOf(from);
    const target = pathOf(to);
    const found = look(source, Boolean(options.dereference));
    if (options.filter && !options.filter(source, target)) return;
    if (found.isDirectory()) {
      if (!options.recursive)
        throw Object.assign(new Error('Recursive option not enabled, cannot ' +
          `copy a directory: ${source}`), { code: 'ERR_FS_EISDIR' });
      if (`${resolve(target)}/`.startsWith(`${resolve(source)}/`))
        throw Object.assign(new Error(`Cannot copy ${source} to a ` +
          `subdirectory of self ${target}`), { code: 'ERR_FS_CP_EINVAL' });
      mkdirSync(target, { recursive: true });
      for (const entry of native.fileList(source))
        cpSync(join(source, entry.slice(1)), join(target, entry.slice(1)),
          options);
      return;
    }
    if (tryStat(target, false) !== undefined) {
      if (options.errorOnExist)
        fail('ERR_FS_CP_EEXIST', 'target already exists', 'cp', target);
      if (options.force === false) return;
      if (found.isSymbolicLink()) native.fileUnlink(target);
    }
    mkdirSync(dirname(target), { recursive: true });
    if (found.isSymbolicLink())
      native.fileSymlink(native.fileReadlink(source), target);
    else copyFileSync(source, target);
  }

  function mkdtempSync(prefix) {
    const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
    for (let tries = 0; ; tries++) {
      const bytes = new Uint8Array(6);
      native.random(bytes);
      const name = pathOf(prefix) + Array.from(bytes, (byte) =>
        letters[byte % letters.length]).join('');
      try {
        native.fileMkdir(name);
        return name;
      } catch (error) {
        if (error.code !== 'EEXIST' || tries > 20) throw error;
      }
    }
  }

  function accessSync(path) {
    if (native.fileStat(pathOf(path), true) === undefined)
      fail('ENOENT', 'no such file or directory', 'access', pathOf(path));
  }

  const seconds = (time) => typeof time === 'object' ? time.getTime() / 1000
    : Number(time);

  const sync = {
    readFile: readFileSync,
    writeFile: (path, data, options) => put(path, data, options, 'w'),
    appendFile: (path, data, options) => put(path, data, options, 'a'),
    readdir: readdirSync,
    stat: (path, options) => look(pathOf(path), true, options),
    lstat: (path, options) => look(pathOf(path), false, options),
    fstat: (fd) => new Stats(native.fileStat(fd, true)),
    mkdir: mkdirSync,
    rm: rmSync,
    rmdir: rmdirSync,
    unlink: (path) => native.fileUnlink(pathOf(path)),
    rename: (from, to) => native.fileRename(pathOf(from), pathOf(to)),
    copyFile: copyFileSync,
    cp: cpSync,
    link: (from, to) => native.fileLink(pathOf(from), pathOf(to)),
    symlink: (target, path) => native.fileSymlink(pathOf(target),
      pathOf(path)),
    readlink: (path) => native.fileReadlink(pathOf(path)),
    realpath: realpathSync,
    access: accessSync,
    truncate: truncateSync,
    ftruncate: (fd, length = 0) => native.fileTruncate(fd, length),
    fsync: (fd) => native.fileSync(fd),
    utimes: (path, access, change) => native.fileTimes(pathOf(path),
      seconds(access), seconds(change)),
    // WASI has no permissions of files to change; the host's stay.
    chmod: accessSync,
    chown: accessSync,
    mkdtemp: mkdtempSync,
    open: openSync,
    close: closeSync,
    read: readSync,
    write: writeSync,
  };

  const fs = { constants, Stats, Dirent, existsSync, F_OK: 0, R_OK: 4, W_OK: 2,
    X_OK: 1 };
  const promises = { constants };
  for (const [name, run] of Object.entries(sync)) {
    Object.defineProperty(run, 'name', { value: `${name}Sync` });
    fs[`${name}Sync`] = run;
    fs[name] = (...args) => {
      const callback = args.pop();
      if (typeof callback !== 'function') {
        const error = new TypeError('The "cb" argument must be of type ' +
          `function. Received ${typeof callback}`);
        error.code = 'ERR_INVALID_ARG_TYPE';
        throw error;
      }
      let answer;
      try {
        answer = [null, run(...args)];
        if (name === 'read' || name === 'write') answer.push(args[1]);
      } catch (error) {
        answer = [error];
      }
      setTimeout(callback, 0, ...answer);
    };
    if (!/^(fstat|ftruncate|fsync|close|read|write|open)$/.test(name))
      promises[name] = async (...args) => run(...args);
  }
  fs.exists = (path, callback) => setTimeout(callback, 0, existsSync(path));

  class FileHandle {
    constructor(fd) { this.fd = fd; }
    async readFile(options) { return readFileSync(this.fd, options); }
    async writeFile(data, options) { put(this.fd, data, options); }
    async appendFile(data, options) { put(this.fd, data, options); }
    async read(buffer, ...span) {
      return { bytesRead: readSync(this.fd, buffer, ...span), buffer };
    }
    async write(buffer, ...span) {
      return { bytesWritten: writeSync(this.fd, buffer, ...span), buffer };
    }
    async stat() { return sync.fstat(this.fd); }
    async truncate(length) { sync.ftruncate(this.fd, length); }
    async sync() { native.fileSync(this.fd); }
    async close() {
      closeSync(this.fd);
      this.fd = -1;
    }
    readLines() {
      return native.part('stream').readline.createInterface({
        input: fs.createReadStream(null, { fd: this.fd }) });
    }
    async [Symbol.asyncDispose]() { await this.close(); }
  }
  promises.open = async (path, flags) => new FileHandle(openSync(path, flags));
  promises.opendir = async (path) => readdirSync(path,
    { withFileTypes: true });
  fs.promises = promises;

  fs.createReadStream = (path, options) => native.part('stream')
    .createReadStream(fs, path, optionsOf(options));
  fs.createWriteStream = (path, options) => native.part('stream')
    .createWriteStream(fs, path, optionsOf(options));
  for (const name of ['watch', 'watchFile'])
    fs[name] = () => {
      throw new Error(`fs.${name} is not available: nothing else changes ` +
        'the files while a script runs');
    };
  return { fs, promises };
})
