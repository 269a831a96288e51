// Buffer, as in node:buffer.
(function (native) {
  'use strict';

  const names = { utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64',
    base64url: 'base64url', latin1: 'latin1', binary: 'latin1',
    ascii: 'ascii', ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le',
    'utf-16le': 'utf16le' };

  function encodingOf(name) {
    const found = names[String(name ?? 'utf8').toLowerCase()];
    if (found !== undefined) return found;
    const error = new TypeError(`Unknown encoding: ${name}`);
    error.code = 'ERR_UNKNOWN_ENCODING';
    throw error;
  }

  function fromUnits(text, width) {
    const bytes = new Uint8Array(text.length * width);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes[i * width] = unit & 0xff;
      if (width === 2) bytes[i * 2 + 1] = unit >> 8;
    }
    return bytes;
  }

  // Node takes either alphabet and stops at what belongs to neither.
  function fromBase64(text) {
    let clean = text.replaceAll('-', '+').replaceAll('_', '/')
      .replace(/=[^]*$/, '').replace(/[^A-Za-z0-9+/]/g, '');
    if (clean.length % 4 === 1) clean = clean.slice(0, -1);
    return Uint8Array.fromBase64(clean, { lastChunkHandling: 'loose' });
  }

  const encoders = {
    utf8: (text) => native.utf8Encode(text.toWellFormed()),
    hex: (text) => Uint8Array.fromHex(
      /^(?:[0-9a-fA-F]{2})*/.exec(text)[0]),
    base64: fromBase64,
    base64url: fromBase64,
    latin1: (text) => fromUnits(text, 1),
    ascii: (text) => fromUnits(text, 1),
    utf16le: (text) => fromUnits(text, 2),
  };

  function units(bytes, mask) {
    let text = '';
    for (let i = 0; i < bytes.length; i += 4096)
      text += String.fromCharCode(...Array.from(
        Uint8Array.prototype.subarray.call(bytes, i, i + 4096),
        (byte) => byte & mask));
    return text;
  }

  const decoders = {
    utf8: (bytes) => native.utf8Decode(bytes, false),
    hex: (bytes) => bytes.toHex(),
    base64: (bytes) => bytes.toBase64(),
    base64url: (bytes) => bytes.toBase64({ alphabet: 'base64url',
      omitPadding: true }),
    latin1: (bytes) => units(bytes, 0xff),
    ascii: (bytes) => units(bytes, 0x7f),
    utf16le: (bytes) => {
      let text = '';
      for (let i = 0; i + 1 < bytes.length; i += 2)
        text += String.fromCharCode(bytes[i] | bytes[i + 1] << 8);
      return text;
    },
  };

  function refuse(value) {
    const error = new TypeError('The first argument must be of type string ' +
      'or an instance of Buffer, ArrayBuffer, or Array or an Array-like ' +
      `Object. Received ${value === null ? 'null' : typeof value}`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }

  function outside(name, value) {
    const error = new RangeError(`The value of "${name}" is out of range. ` +
      `Received ${String(value)}`);
    error.code = 'ERR_OUT_OF_RANGE';
    throw error;
  }

  const view = (bytes) => new Buffer(bytes.buffer, bytes.byteOffset,
    bytes.byteLength);

  // What fill and indexOf look for: bytes of a string, a number or bytes.
  function patternOf(value, encoding) {
    if (typeof value === 'number') return Uint8Array.of(value);
    if (typeof value === 'string')
      return encoders[encodingOf(encoding)](value);
    if (value instanceof Uint8Array) return value;
    return refuse(value);
  }

  class Buffer extends Uint8Array {
    static poolSize = 8192;
    static from(value, encoding, length) {
      if (typeof value === 'string')
        return view(encoders[encodingOf(encoding)](value));
      if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
        return new Buffer(value, encoding, length);
      if (value === null || typeof value !== 'object') refuse(value);
      if (value.type === 'Buffer' && Array.isArray(value.data))
        return view(Uint8Array.from(value.data));
      if (typeof value.length === 'number' || Symbol.iterator in value)
        return view(Uint8Array.from(value));
      const plain = value.valueOf();
      return plain !== value ? Buffer.from(plain, encoding, length)
        : refuse(value);
    }
    static of(...bytes) { return Buffer.from(bytes); }
    static alloc(size, fill, encoding) {
      if (!(size >= 0)) outside('size', size);
      const made = new Buffer(size);
      return fill === undefined || fill === 0 ? made
        : made.fill(fill, encoding);
    }
    static allocUnsafe(size) { return Buffer.alloc(size); }
    static allocUnsafeSlow(size) { return Buffer.alloc(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) {
      return typeof name === 'string' && name.toLowerCase() in names;
    }
    static byteLength(value, encoding) {
      if (typeof value !== 'string') return value.byteLength;
      switch (encodingOf(encoding)) { // by length alone, as in Node.js
        case 'hex': return value.length >>> 1;
        case 'base64': case 'base64url':
          return value.replace(/={1,2}$/, '').length * 3 >>> 2;
        default: return encoders[encodingOf(encoding)](value).length;
      }
    }
    static concat(list, total) {
      const size = total ?? list.reduce((sum, item) => sum + item.length, 0);
      const all = Buffer.alloc(size);
      let at = 0;
      for (const item of list) {
        if (at >= size) break;
        all.set(at + item.length > size ? item.subarray(0, size - at) : item,
          at);
        at += item.length;
      }
      return all;
    }
    static compare(a, b) {
      const length = Math.min(a.length, b.length);
      for (let i = 0; i < length; i++)
        if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      return Math.sign(a.length - b.length);
    }

    toString(encoding, start = 0, end = this.length) {
      const decode = decoders[encodingOf(encoding)];
      return decode(start <= 0 && end >= this.length ? this
        : this.subarray(Math.max(start, 0), end));
    }
    toLocaleString(...args) { return this.toString(...args); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    equals(other) { return Buffer.compare(this, other) === 0; }
    compare(other, start = 0, end = other.length, own = 0,
      ownEnd = this.length) {
      return Buffer.compare(this.subarray(own, ownEnd),
        other.subarray(start, end));
    }
    slice(start, end) { return this.subarray(start, end); }
    copy(target, at = 0, start = 0, end = this.length) {
      const part = this.subarray(start, Math.min(end,
        start + target.length - at));
      target.set(part, at);
      return part.length;
    }
    write(text, at = 0, length = this.length - at, encoding = 'utf8') {
      if (typeof at === 'string') return this.write(text, 0, this.length, at);
      if (typeof length === 'string')
        return this.write(text, at, this.length - at, length);
      let bytes = encoders[encodingOf(encoding)](text);
      const room = Math.min(length, this.length - at);
      if (bytes.length > room) {
        let end = Math.max(room, 0);
        if (encodingOf(encoding) === 'utf8') // whole characters only
          while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
        bytes = bytes.subarray(0, end);
      }
      this.set(bytes, at);
      return bytes.length;
    }
    fill(value, start = 0, end = this.length, encoding = 'utf8') {
      if (typeof start === 'string') return this.fill(value, 0, this.length,
        start);
      if (typeof value === 'number')
        return super.fill(value & 0xff, start, end);
      const bytes = patternOf(value, encoding);
      for (let i = start; i < end; i++)
        this[i] = bytes.length === 0 ? 0 : bytes[(i - start) % bytes.length];
      return this;
    }
    indexOf(value, from = 0, encoding = 'utf8') {
      if (typeof from === 'string') return this.indexOf(value, 0, from);
      const bytes = patternOf(value, encoding);
      const first = from < 0 ? Math.max(this.length + from, 0) : from;
      if (bytes.length === 1) return super.indexOf(bytes[0], first);
      const last = this.length - bytes.length;
      for (let at = first; at <= last; at++) {
        at = super.indexOf(bytes[0], at);
        if (at < 0 || at > last) return -1;
        let i = 1;
        while (i < bytes.length && this[at + i] === bytes[i]) i++;
        if (i === bytes.length) return at;
      }
      return -1;
    }
    lastIndexOf(value, from = this.length, encoding = 'utf8') {
      const bytes = patternOf(value, encoding);
      for (let at = Math.min(from < 0 ? this.length + from : from,
        this.length - bytes.length); at >= 0; at--) {
        let i = 0;
        while (i < bytes.length && this[at + i] === bytes[i]) i++;
        if (i === bytes.length) return at;
      }
      return -1;
    }
    includes(value, from, encoding) {
      return this.indexOf(value, from, encoding) >= 0;
    }
    readUIntBE(at, size) {
      let value = 0;
      for (let i = 0; i < size; i++) value = value * 256 + this.readUInt8(at + i);
      return value;
    }
    readUIntLE(at, size) {
      let value = 0;
      for (let i = size; i-- > 0;) value = value * 256 + this.readUInt8(at + i);
      return value;
    }
    swap16() { return swap(this, 2); }
    swap32() { return swap(this, 4); }
    swap64() { return swap(this, 8); }
    [Symbol.for('nodejs.util.inspect.custom')]() {
      const hex = Array.from(this.subarray(0, 50), (byte) =>
        byte.toString(16).padStart(2, '0')).join(' ');
      const rest = this.length - 50;
      return `<Buffer${hex === '' ? '' : ` ${hex}`}` +
        `${rest > 0 ? ` ... ${rest} more byte${rest > 1 ? 's' : ''}` : ''}>`;
    }
  }

  function swap(bytes, width) {
    if (bytes.length % width !== 0)
      throw new RangeError(`Buffer size must be a multiple of ${width * 8}-bits`);
    for (let i = 0; i < bytes.length; i += width)
      bytes.subarray(i, i + width).reverse();
    return bytes;
  }

  const define = (name, value) => Object.defineProperty(Buffer.prototype, name,
    { value, configurable: true, writable: true });

  // readInt32LE and its like, over DataView.
  function defineNumber(name, type, size, orders) {
    for (const order of orders) {
      const isLittle = order !== 'BE';
      const check = (bytes, at) => {
        if (!Number.isInteger(at) || at < 0 || at + size > bytes.length)
          outside('offset', at);
        return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      };
      const read = function (at = 0) {
        return check(this, at)[`get${type}`](at, isLittle);
      };
      const write = function (value, at = 0) {
        const data = check(this, at);
        const before = data[`get${type}`](at, isLittle);
        data[`set${type}`](at, value, isLittle);
        const stored = data[`get${type}`](at, isLittle);
        if (/Int|Uint/.test(type) && (typeof value === 'bigint'
          ? stored !== value : stored !== (Math.trunc(value) || 0))) {
          data[`set${type}`](at, before, isLittle);
          outside('value', value);
        }
        return at + size;
      };
      define(`read${name}${order}`, read);
      define(`write${name}${order}`, write);
      if (!name.includes('UInt')) continue;
      define(`read${name.replace('UInt', 'Uint')}${order}`, read);
      define(`write${name.replace('UInt', 'Uint')}${order}`, write);
    }
  }
  for (const [name, type, size, orders] of [['UInt8', 'Uint8', 1, ['']],
    ['Int8', 'Int8', 1, ['']], ['UInt16', 'Uint16', 2, ['LE', 'BE']],
    ['Int16', 'Int16', 2, ['LE', 'BE']], ['UInt32', 'Uint32', 4, ['LE', 'BE']],
    ['Int32', 'Int32', 4, ['LE', 'BE']], ['Float', 'Float32', 4, ['LE', 'BE']],
    ['Double', 'Float64', 8, ['LE', 'BE']],
    ['BigInt64', 'BigInt64', 8, ['LE', 'BE']],
    ['BigUInt64', 'BigUint64', 8, ['LE', 'BE']]])
    defineNumber(name, type, size, orders);

  const buffer = { Buffer, atob, btoa, kMaxLength: 0x7fffffff,
    constants: { MAX_LENGTH: 0x7fffffff, MAX_STRING_LENGTH: 0x3fffffff },
    INSPECT_MAX_BYTES: 50 };
  return { Buffer, buffer, encodingOf, view };
})
