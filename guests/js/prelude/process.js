// node:child_process over the host's spawn: a program of the box runs to its
// end before anything here goes on, so what is asynchronous in Node.js only
// tells of it in a later turn.
(function (native) {
  'use strict';

  const { Buffer, view } = native.part('buffer');
  const { EventEmitter } = native.part('events');
  const { custom } = native.part('util').promisify;
  const { resolve } = native.part('path');

  function refuse(message, code) {
    throw Object.assign(new TypeError(message), { code });
  }

  function environmentOf(options) {
    const given = options.env ?? native.part('system').process.env;
    return Object.entries(given).filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]);
  }

  function inputOf(options) {
    const { input } = options;
    if (input !== undefined && input !== null)
      return typeof input === 'string' ? Buffer.from(input)
        : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    const wanted = Array.isArray(options.stdio) ? options.stdio[0]
      : options.stdio;
    return wanted === 'inherit' ? native.fileRead(0) : new Uint8Array(0);
  }

  function argvOf(file, args, options) {
    const words = [file, ...args].map(String);
    if (options.shell) return ['sh', '-c', words.join(' ')];
    return words;
  }

  // {status, stdout, stderr}, bytes; error when it did not start or was ended.
  function run(argv, options) {
    const folder = resolve(options.cwd === undefined ? '.'
      : options.cwd instanceof URL ? decodeURIComponent(options.cwd.pathname)
        : String(options.cwd));
    const fail = (error) => ({ status: null, signal: null, pid: 0,
      stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), error });
    const describe = (message, code) => Object.assign(
      new Error(`spawn ${argv[0]} ${code}: ${message}`), {
        code, syscall: `spawn ${argv[0]}`, path: argv[0],
        spawnargs: argv.slice(1) });
    if (options.cwd !== undefined &&
        native.fileStat(folder, true) === undefined)
      return fail(describe(`there is no folder '${folder}'`, 'ENOENT'));
    let parts;
    try {
      parts = native.spawn(JSON.stringify({ argv, env: environmentOf(options),
        cwd: folder }), inputOf(options));
    } catch (error) {
      if (typeof error?.code !== 'string') throw error;
      return fail(describe(error.message, error.code));
    }
    const head = JSON.parse(parts[0]);
    const found = { status: head.exit_code, signal: null, pid: 1,
      stdout: view(parts[1]), stderr: view(parts[2]) };
    if (head.status === 'ok') return found;
    found.status = null;
    found.signal = 'SIGKILL';
    found.error = describe(`${head.status}: ${head.message}`,
      head.status === 'timeout' ? 'ETIMEDOUT' : 'ERR_CHILD_PROCESS');
    return found;
  }

  // What goes to our own streams rather than to the caller.
  function deliver(found, options, byDefault) {
    const { stdio = byDefault } = options;
    const targets = typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio;
    for (const [at, name] of [[1, 'stdout'], [2, 'stderr']]) {
      const target = targets[at] ?? 'pipe';
      if (target === 'pipe' || target === 'overlapped') continue;
      if (target === 'inherit' || typeof target === 'number')
        native.fileWriteAt(typeof target === 'number' ? target : at,
          found[name], null);
      found[name] = null;
    }
    const { encoding } = options;
    if (encoding && encoding !== 'buffer')
      for (const name of ['stdout', 'stderr'])
        if (found[name] !== null) found[name] = found[name].toString(encoding);
    found.output = [null, found.stdout, found.stderr];
    return found;
  }

  const splitArgs = (args, options) => Array.isArray(args) ? [args, options]
    : [[], args ?? options];

  function spawnSync(file, args, options) {
    const [words, given = {}] = splitArgs(args, options);
    if (typeof file !== 'string' || file === '')
      refuse('The "file" argument must be a non-empty string',
        'ERR_INVALID_ARG_TYPE');
    return deliver(run(argvOf(file, words, given), given), given, 'pipe');
  }

  function failure(found, command) {
    if (found.status === 0 && found.error === undefined) return undefined;
    const text = found.stderr ? `\n${found.stderr}` : '';
    const error = found.error ??
      new Error(`Command failed: ${command}${text}`);
    return Object.assign(error, { status: found.status, signal: found.signal,
      pid: found.pid, stdout: found.stdout, stderr: found.stderr,
      output: found.output });
  }

  function checked(argv, options, command) {
    // As in Node.js, stderr shows unless the caller takes it.
    const found = deliver(run(argv, options), options,
      ['pipe', 'pipe', 'pipe']);
    if (options.stdio === undefined && found.stderr?.length > 0)
      native.fileWriteAt(2, Buffer.from(found.stderr), null);
    const error = failure(found, command);
    if (error !== undefined) throw error;
    return found.stdout;
  }

  function execSync(command, options = {}) {
    return checked(['sh', '-c', String(command)], options, command);
  }

  function execFileSync(file, args, options) {
    const [words, given = {}] = splitArgs(args, options);
    return checked(argvOf(file, words, given), given,
      [file, ...words].join(' '));
  }

  // ---- asynchronous

  class ChildProcess extends EventEmitter {
    exitCode = null;
    signalCode = null;
    killed = false;
    #input = [];
    #isStarted = false;
    #start;
    constructor(argv, options) {
      super();
      const { Readable, Writable } = native.part('stream').stream;
      const stdio = Array.isArray(options.stdio) ? options.stdio
        : [options.stdio, options.stdio, options.stdio];
      const isPipe = (at) => (stdio[at] ?? 'pipe') === 'pipe';
      this.pid = 1;
      this.spawnfile = argv[0];
      this.spawnargs = argv;
      this.stdout = isPipe(1) ? new Readable() : null;
      this.stderr = isPipe(2) ? new Readable() : null;
      this.#start = () => this.#run(argv, options);
      this.stdin = !isPipe(0) ? null : new Writable({
        write: (chunk, encoding, done) => {
          this.#input.push(Buffer.from(chunk, encoding));
          done();
        },
        final: (done) => { this.#start(); done(); },
      });
      this.stdio = [this.stdin, this.stdout, this.stderr];
      // Without input it starts by itself; with input, when that ends.
      setTimeout(() => { if (this.#input.length === 0) this.#start(); }, 0);
    }
    #run(argv, options) {
      if (this.#isStarted) return;
      this.#isStarted = true;
      const input = this.#input.length > 0 ? Buffer.concat(this.#input)
        : undefined;
      const found = deliver(run(argv, { input, ...options, encoding: undefined }),
        options, 'pipe');
      this.stdout?.push(found.stdout ?? null);
      this.stderr?.push(found.stderr ?? null);
      if (found.stdout) this.stdout?.push(null);
      if (found.stderr) this.stderr?.push(null);
      setTimeout(() => {
        if (found.error && found.signal === null) {
          this.emit('error', found.error);
        } else {
          this.exitCode = found.status;
          this.signalCode = found.signal;
          this.emit('exit', found.status, found.signal);
        }
        setTimeout(() => this.emit('close', found.status, found.signal), 0);
      }, 0);
    }
    kill() { return false; }
    ref() { return this; }
    unref() { return this; }
  }

  function spawn(file, args, options) {
    const [words, given = {}] = splitArgs(args, options);
    return new ChildProcess(argvOf(file, words, given), given);
  }

  function start(argv, options, callback, command) {
    const child = new ChildProcess(argv, { ...options, stdio: 'pipe' });
    const take = (stream) => {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      return () => {
        const all = Buffer.concat(chunks);
        const encoding = options.encoding ?? 'utf8';
        return encoding === 'buffer' ? all : all.toString(encoding);
      };
    };
    const [stdout, stderr] = [take(child.stdout), take(child.stderr)];
    let error;
    child.on('error', (why) => { error = why; });
    child.on('close', (status, signal) => {
      const found = { status, signal, error, stdout: stdout(),
        stderr: stderr() };
      const why = failure(found, command);
      if (why !== undefined)
        Object.assign(why, { code: why.code ?? status, cmd: command,
          killed: false });
      callback?.(why ?? null, found.stdout, found.stderr);
    });
    return child;
  }

  function exec(command, options, callback) {
    if (typeof options === 'function') return exec(command, {}, options);
    return start(['sh', '-c', String(command)], options ?? {}, callback,
      command);
  }

  function execFile(file, ...rest) {
    const callback = typeof rest.at(-1) === 'function' ? rest.pop()
      : undefined;
    const [words, given = {}] = splitArgs(rest[0], rest[1]);
    return start(argvOf(file, words, given), given, callback,
      [file, ...words].join(' '));
  }

  // util.promisify(exec)(...) gives {stdout, stderr}.
  for (const start of [exec, execFile])
    Object.defineProperty(start, custom, { value: (...args) =>
      new Promise((keep, refuse) => start(...args,
        (error, stdout, stderr) => error ? refuse(error)
          : keep({ stdout, stderr }))) });

  return { child_process: { spawnSync, execSync, execFileSync, spawn, exec,
    execFile, ChildProcess } };
})
