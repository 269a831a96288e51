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

  const stream = (fd) => ({ fd, isTTY: os.isatty(fd),
    write: (text) => { native.write(fd, String(text)); return true; } });
  let stdout, stderr;
  const process = {
    argv: ['js', ...scriptArgs],
    get env() { return std.getenviron(); },
    get exitCode() { return native.exitCode(); },
    set exitCode(code) { native.exitCode(Number(code) || 0); },
    get stdout() { return stdout ??= stream(1); },
    get stderr() { return stderr ??= stream(2); },
    platform: 'wasi',
    arch: 'wasm32',
    version: `v${native.version}`,
    versions: { quickjs: native.version },
    cwd: () => os.getcwd()[0],
    exit: (code) => std.exit(code === undefined ? native.exitCode()
      : Number(code) || 0),
    nextTick: (callback, ...args) => queueMicrotask(() => callback(...args)),
    uptime: () => performance.now() / 1000,
    hrtime: Object.assign((since = [0, 0]) => {
      const ns = process.hrtime.bigint() -
        (BigInt(since[0]) * 1000000000n + BigInt(since[1]));
      return [Number(ns / 1000000000n), Number(ns % 1000000000n)];
    }, { bigint: () => BigInt(Math.round(performance.now() * 1e6)) }),
  };

  return { std, os, process, setTimeout, setInterval, setImmediate,
    clearTimeout: clear, clearInterval: clear, clearImmediate: clear };
})
