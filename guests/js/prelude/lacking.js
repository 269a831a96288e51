// What the modules std and os gain over QuickJS's own under WASI: links, and
// an error that says why for what cannot be here.
(function (native) {
  'use strict';

  function lacking(module, names, why) {
    return Object.fromEntries(names.map((name) => [name, function () {
      throw new Error(`${module}.${name} is not available: ${why}`);
    }]));
  }

  const processes = 'a program in the sandbox cannot start or signal others';
  const terminals = 'the sandbox has no terminal settings';
  const os = {
    symlink: native.symlink,
    readlink: native.readlink,
    lstat: native.lstat,
    ...lacking('os', ['exec', 'waitpid', 'kill', 'pipe', 'dup', 'dup2',
      'getpid', 'Worker'], processes),
    ...lacking('os', ['ttyGetWinSize', 'ttySetRaw'], terminals),
    ...lacking('os', ['mkdtemp', 'mkstemp'],
      'there is no shared temporary folder; use os.mkdir and os.open'),
    ...lacking('os', ['realpath'], 'the sandbox does not tell host paths'),
    ...lacking('os', ['cputime'], 'the sandbox has no processor clock; use ' +
      'performance.now'),
  };
  const std = {
    ...lacking('std', ['popen'], processes),
    ...lacking('std', ['urlGet'], 'use fetch'),
    ...lacking('std', ['tmpfile'], 'there is no shared temporary folder; ' +
      'use std.open'),
  };

  function source(name) {
    const extra = Object.keys({ os, std }[name]).join(', ');
    return `export * from 'qjs:${name}';\n` +
      `export const { ${extra} } = import.meta.extra;\n`;
  }

  return { os, std, sources: { os: source('os'), std: source('std') } };
})
