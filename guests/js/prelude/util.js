// node:util.
(function (native) {
  'use strict';

  const { inspect, format } = native.part('console');
  const custom = Symbol.for('nodejs.util.promisify.custom');

  function promisify(run) {
    if (typeof run !== 'function')
      throw new TypeError('The "original" argument must be of type function');
    if (run[custom]) return run[custom];
    return function (...args) {
      return new Promise((resolve, reject) => {
        run.call(this, ...args, (error, value) => {
          if (error) reject(error);
          else resolve(value);
        });
      });
    };
  }
  promisify.custom = custom;

  function callbackify(run) {
    return function (...args) {
      const callback = args.pop();
      run.apply(this, args).then((value) => callback(null, value), callback);
    };
  }

  const kind = (value) => native.classOf(value);
  const is = (name) => (value) => kind(value) === name;
  const types = {
    isDate: is('Date'), isRegExp: is('RegExp'), isMap: is('Map'),
    isSet: is('Set'), isWeakMap: is('WeakMap'), isWeakSet: is('WeakSet'),
    isPromise: is('Promise'), isNativeError: is('Error'),
    isArrayBuffer: is('ArrayBuffer'),
    isAnyArrayBuffer: (value) => /^(Shared)?ArrayBuffer$/.test(kind(value)),
    isTypedArray: (value) => ArrayBuffer.isView(value) &&
      kind(value) !== 'DataView',
    isUint8Array: is('Uint8Array'), isDataView: is('DataView'),
    isProxy: (value) => native.proxyTarget(value) !== undefined,
    isAsyncFunction: (value) => /^Async/.test(kind(value)),
    isGeneratorFunction: (value) => /GeneratorFunction$/.test(kind(value)),
    isGeneratorObject: is('Generator'),
    isBoxedPrimitive: (value) => typeof value === 'object' &&
      /^(Number|String|Boolean|BigInt|Symbol)$/.test(kind(value)),
  };

  const entriesOf = (value) => Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key));

  function sameKeys(a, b, seen, isStrict) {
    const keys = entriesOf(a);
    return keys.length === entriesOf(b).length && keys.every((key) =>
      Object.hasOwn(b, key) && same(a[key], b[key], seen, isStrict));
  }

  function sameItems(a, b, seen, isStrict) {
    if (a.size !== b.size) return false;
    const rest = new Set(b instanceof Map ? b.keys() : b);
    for (const item of a instanceof Map ? a.keys() : a) {
      let found = rest.has(item) ? item : undefined;
      let has = rest.has(item);
      if (!has) for (const other of rest)
        if (same(item, other, seen, isStrict)) {
          found = other;
          has = true;
          break;
        }
      if (!has || a instanceof Map &&
          !same(a.get(item), b.get(found), seen, isStrict)) return false;
      rest.delete(found);
    }
    return true;
  }

  // Deep equality; isStrict tells apart types and prototypes as well.
  function same(a, b, seen, isStrict) {
    if (Object.is(a, b)) return true;
    if (a === null || b === null || typeof a !== 'object' ||
        typeof b !== 'object')
      return !isStrict && (a == b || a !== a && b !== b); // eslint-disable-line
    if (isStrict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) ||
        kind(a) !== kind(b)) return false;
    if (seen.some(([left, right]) => left === a && right === b)) return true;
    seen = [...seen, [a, b]];
    switch (kind(a)) {
      case 'Date': if (a.getTime() !== b.getTime()) return false; break;
      case 'RegExp':
        if (String(a) !== String(b) || a.lastIndex !== b.lastIndex)
          return false;
        break;
      case 'Error':
        if (a.name !== b.name || a.message !== b.message) return false;
        break;
      case 'Map':
      case 'Set':
        if (!sameItems(a, b, seen, isStrict)) return false;
        break;
      case 'Number': case 'String': case 'Boolean': case 'BigInt':
        if (!Object.is(a.valueOf(), b.valueOf())) return false;
        break;
      case 'ArrayBuffer':
        return same(new Uint8Array(a), new Uint8Array(b), seen, isStrict);
      default:
    }
    if (Array.isArray(a) && a.length !== b.length) return false;
    return sameKeys(a, b, seen, isStrict);
  }

  const isDeepStrictEqual = (a, b) => same(a, b, [], true);

  function deprecate(run) { return run; }

  function inherits(type, base) {
    Object.defineProperty(type, 'super_', { value: base, writable: true,
      configurable: true });
    Object.setPrototypeOf(type.prototype, base.prototype);
  }

  // util.parseArgs, as Node.js documents it; tokens are left out.
  function parseArgs({ args, options = {}, strict = true,
    allowPositionals = !strict, allowNegative = false } = {}) {
    const values = Object.create(null);
    const positionals = [];
    const list = [...args ?? native.part('system').process.argv.slice(2)];
    const refuse = (message, code) => {
      throw Object.assign(new TypeError(message), { code });
    };
    const put = (name, value) => {
      const option = options[name];
      if (option === undefined && strict)
        refuse(`Unknown option '--${name}'`, 'ERR_PARSE_ARGS_UNKNOWN_OPTION');
      if (option?.type === 'string' && typeof value !== 'string' && strict)
        refuse(`Option '--${name} <value>' argument missing`,
          'ERR_PARSE_ARGS_INVALID_OPTION_VALUE');
      if (option?.type === 'boolean' && typeof value === 'string' && strict)
        refuse(`Option '--${name}' does not take an argument`,
          'ERR_PARSE_ARGS_INVALID_OPTION_VALUE');
      if (option?.multiple) (values[name] ??= []).push(value);
      else values[name] = value;
    };
    const valueOf = (name) => options[name]?.type === 'string' &&
      list.length > 0 ? list.shift() : true;
    while (list.length > 0) {
      const word = list.shift();
      if (word === '--') {
        positionals.push(...list.splice(0));
      } else if (word.startsWith('--')) {
        const [, name, , value] = /^--([^=]+)(=([^]*))?$/.exec(word) ?? [];
        if (value !== undefined) put(name, value);
        else if (allowNegative && name.startsWith('no-') &&
            options[name] === undefined) put(name.slice(3), false);
        else put(name, valueOf(name));
      } else if (/^-./.test(word)) {
        const letters = word.slice(1);
        for (let i = 0; i < letters.length; i++) {
          const name = Object.keys(options).find((key) =>
            options[key].short === letters[i]) ?? letters[i];
          if (options[name]?.type !== 'string') {
            put(name, true);
            continue;
          }
          put(name, i + 1 < letters.length ? letters.slice(i + 1)
            : valueOf(name));
          break;
        }
      } else {
        positionals.push(word);
      }
    }
    if (positionals.length > 0 && !allowPositionals)
      refuse(`Unexpected argument '${positionals[0]}'. This command does not ` +
        'take positional arguments', 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL');
    for (const [name, option] of Object.entries(options))
      if (option.default !== undefined && values[name] === undefined)
        values[name] = option.default;
    return { values, positionals };
  }

  const util = { inspect, promisify, callbackify, types, isDeepStrictEqual,
    deprecate, inherits, parseArgs, TextEncoder, TextDecoder,
    format: (...args) => format(args),
    isArray: Array.isArray, debuglog: () => () => {},
    stripVTControlCharacters: (text) =>
      // eslint-disable-next-line no-control-regex
      text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, ''),
    styleText: (style, text) => text };
  return { util, same, promisify };
})
