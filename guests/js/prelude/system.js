// std and os as globals, timers as browsers and Node.js have them, and the
// parts of Node's process that make sense in a sandbox.
(function (native) {
  'use strict';

  const { std, os } = native.modules();

  function repeat(name, start) {
    return (callback, delay = 0, ...args) => {
      if (typeof callback !== 'function')
        throw new TypeError(`${name}: the callback is not a function`);
      const ms = Math.min(Math.max(Number(delay) || 0, 1), 0x7fffffff);
      return start(args.length > 0 ? () => callback(...args)
        : () => callback(), ms);
    };
  }
  const setTimeout = repeat('setTimeout', os.setTimeout);
  const setInterval = repeat('setInterval', os.setInterval);
  const setImmediate = (callback, ...args) => setTimeout(callback, 0, ...args);
  const clear = (id) => {
    if (typeof id === 'number') os.clearTimeout(id);
  };

  // A stream that others may pipe to: it has a Writable's methods and events.
  function output(fd) {
    const made = new (native.part('events').EventEmitter)();
    return Object.assign(made, { fd, isTTY: os.isatty(fd), columns: 80,
      writable: true, isStandard: true,
      write(data, encoding, done) {
        if (data instanceof Uint8Array) native.fileWriteAt(fd, data, null);
        else native.write(fd, String(data));
        const callback = typeof encoding === 'function' ? encoding : done;
        if (callback) queueMicrotask(callback);
        return true;
      },
      end(data) {
        if (data !== undefined) this.write(data);
        setTimeout(() => made.emit('finish'), 0);
        return made;
      },
      destroy() { return made; } });
  }

  // The environment as an object: what is put there is seen by programs that
  // are started from here.
  const environment = () => {
    const values = std.getenviron();
    return new Proxy(values, {
      set(target, name, value) {
        if (typeof name === 'symbol') return false;
        target[name] = String(value);
        std.setenv(name, target[name]);
        return true;
      },
      deleteProperty(target, name) {
        if (typeof name === 'symbol') return true;
        std.unsetenv(name);
        return delete target[name];
      },
    });
  };

  const execPath = '/usr/bin/node';
  const main = native.isTool ? [scriptArgs[0]]
    : native.mainFile !== undefined
      ? [native.part('path').resolve(native.mainFile)]
      : scriptArgs[0] === '[stdin]' ? ['-'] : [];
  let stdin, stdout, stderr, env, events;
  const listeners = () => events ??=
    new (native.part('events').EventEmitter)();
  const process = {
    argv: [execPath, ...main, ...scriptArgs.slice(1)],
    argv0: 'node',
    execPath,
    execArgv: [],
    title: 'node',
    get env() { return env ??= environment(); },
    get exitCode() { return native.exitCode() || undefined; },
    set exitCode(code) { native.exitCode(Number(code) || 0); },
    get stdin() { return stdin ??= native.part('stream').standardInput(); },
    get stdout() { return stdout ??= output(1); },
    get stderr() { return stderr ??= output(2); },
    pid: 1,
    ppid: 0,
    platform: 'linux',
    arch: 'wasm32',
    version: `v${native.nodeVersion}`,
    versions: { node: native.nodeVersion, quickjs: native.version },
    release: { name: 'node' },
    config: {},
    features: {},
    cwd: native.cwd,
    chdir: (path) => native.fileChdir(String(path)),
    umask: () => 0o022,
    exit: (code) => {
      const status = code === undefined ? native.exitCode() : Number(code) || 0;
      native.exitCode(status);
      if (!isExiting) {
        isExiting = true;
        events?.emit('exit', status);
      }
      native.exit(native.exitCode());
    },
    nextTick: (callback, ...args) => queueMicrotask(() => callback(...args)),
    uptime: () => performance.now() / 1000,
    memoryUsage: () => {
      const used = native.memoryUsed();
      return { rss: used, heapTotal: used, heapUsed: used, external: 0,
        arrayBuffers: 0 };
    },
    cpuUsage: () => ({ user: Math.round(performance.now() * 1000), system: 0 }),
    emitWarning: (warning) => native.write(2, `(node) Warning: ${
      warning?.message ?? warning}\n`),
    hrtime: Object.assign((since = [0, 0]) => {
      const ns = process.hrtime.bigint() -
        (BigInt(since[0]) * 1000000000n + BigInt(since[1]));
      return [Number(ns / 1000000000n), Number(ns % 1000000000n)];
    }, { bigint: () => BigInt(Math.round(performance.now() * 1e6)) }),
    emit: (...args) => listeners().emit(...args),
    listenerCount: (name) => listeners().listenerCount(name),
  };
  for (const name of ['on', 'once', 'off', 'addListener', 'removeListener',
    'removeAllListeners'])
    process[name] = (...args) => {
      listeners()[name](...args);
      return process;
    };
  let isExiting = false;
  // For the loop: the program has come to its end, or something was thrown.
  // True when a listener took care of it.
  const tell = (name, value, origin) => {
    if (events === undefined || isExiting) return false;
    if (name === 'exit') isExiting = true;
    return events.emit(name, value, origin);
  };

  return { std, os, process, tell, setTimeout, setInterval, setImmediate,
    clearTimeout: clear, clearInterval: clear, clearImmediate: clear };
})
