// crypto's random numbers and structuredClone.
(function (native) {
  'use strict';

  const integers = /^(Big)?(Int|Uint)\d+(Clamped)?Array$/;
  const typedArray = /Array$/;

  const crypto = {
    getRandomValues(array) {
      if (!ArrayBuffer.isView(array) || !integers.test(native.classOf(array)))
        throw new DOMException('expected an integer typed array',
          'TypeMismatchError');
      if (array.byteLength > 65536)
        throw new DOMException('at most 65536 bytes at once',
          'QuotaExceededError');
      native.random(new Uint8Array(array.buffer, array.byteOffset,
        array.byteLength));
      return array;
    },
    randomUUID() { // RFC 9562 section 5.4, version 4
      const bytes = new Uint8Array(16);
      native.random(bytes);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'))
        .join('');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
  };
  Object.defineProperty(crypto, Symbol.toStringTag, { value: 'Crypto' });

  function refuse(what) {
    throw new DOMException(`${what} could not be cloned.`, 'DataCloneError');
  }

  const cloners = {
    Date: (value) => new Date(value.getTime()),
    RegExp: (value) => new RegExp(value.source, value.flags),
    Boolean: (value) => Object(value.valueOf()),
    Number: (value) => Object(value.valueOf()),
    String: (value) => Object(value.valueOf()),
    BigInt: (value) => Object(value.valueOf()),
    ArrayBuffer: (value) => value.slice(0),
  };
  const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError,
    TypeError, URIError };

  function cloneError(value, seen) {
    const type = errors[value.name] ?? Error;
    const copy = new type(value.message);
    seen.set(value, copy);
    Object.defineProperty(copy, 'stack', { value: value.stack,
      writable: true, configurable: true });
    if (Object.hasOwn(value, 'cause')) copy.cause = clone(value.cause, seen);
    return copy;
  }

  function clone(value, seen) {
    if (typeof value === 'symbol') refuse(value.toString());
    if (typeof value === 'function') refuse(String(value));
    if (value === null || typeof value !== 'object') return value;
    if (seen.has(value)) return seen.get(value);
    const kind = native.classOf(value);
    const remember = (copy) => { seen.set(value, copy); return copy; };
    if (cloners[kind]) return remember(cloners[kind](value));
    if (ArrayBuffer.isView(value)) {
      const buffer = clone(value.buffer, seen);
      const length = typedArray.test(kind) ? value.length : value.byteLength;
      return remember(new globalThis[kind](buffer, value.byteOffset, length));
    }
    if (kind === 'Error') return cloneError(value, seen);
    if (kind === 'Map') {
      const copy = remember(new Map());
      for (const [key, item] of value)
        copy.set(clone(key, seen), clone(item, seen));
      return copy;
    }
    if (kind === 'Set') {
      const copy = remember(new Set());
      for (const item of value) copy.add(clone(item, seen));
      return copy;
    }
    if (!Array.isArray(value) && kind !== 'Object')
      refuse(`#<${kind}>`);
    const copy = remember(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
    return copy;
  }

  function structuredClone(value) { return clone(value, new Map()); }

  return { crypto, structuredClone };
})
