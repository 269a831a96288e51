// node:crypto: hashes, HMAC and random numbers.
(function (native) {
  'use strict';

  const { Buffer, view } = native.part('buffer');
  const { crypto: web } = native.part('misc');
  const blocks = { md5: 64, sha1: 64, sha224: 64, sha256: 64, sha384: 128,
    sha512: 128 };

  function nameOf(name) {
    const plain = String(name).toLowerCase().replace('-', '');
    if (plain in blocks) return plain;
    throw Object.assign(new Error(`Digest method not supported: '${name}'; ` +
      `those that are: ${Object.keys(blocks).join(', ')}`),
    { code: 'ERR_CRYPTO_INVALID_DIGEST' });
  }

  function bytesOf(data, encoding) {
    if (typeof data === 'string') return Buffer.from(data, encoding);
    if (ArrayBuffer.isView(data))
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw Object.assign(new TypeError('The "data" argument must be of type ' +
      `string or an instance of Buffer, TypedArray, or DataView. Received ${
        data === null ? 'null' : typeof data}`),
    { code: 'ERR_INVALID_ARG_TYPE' });
  }

  const shape = (bytes, encoding) => encoding === undefined ||
    encoding === 'buffer' ? view(bytes) : view(bytes).toString(encoding);

  class Hash {
    #name;
    #state;
    #isDone = false;
    #finish;
    constructor(name, finish = (bytes) => bytes) {
      this.#name = nameOf(name);
      this.#state = native.hashStart(this.#name);
      this.#finish = finish;
    }
    #check() {
      if (this.#isDone)
        throw Object.assign(new Error('Digest already called'),
          { code: 'ERR_CRYPTO_HASH_FINALIZED' });
    }
    update(data, encoding) {
      this.#check();
      native.hashUpdate(this.#state, bytesOf(data, encoding));
      return this;
    }
    copy() {
      this.#check();
      const made = new Hash(this.#name, this.#finish);
      new Uint8Array(made.#state.buffer).set(this.#state);
      return made;
    }
    digest(encoding) {
      this.#check();
      this.#isDone = true;
      return shape(this.#finish(native.hashDigest(this.#state)), encoding);
    }
  }

  function digest(name, ...parts) {
    const state = native.hashStart(name);
    for (const part of parts) native.hashUpdate(state, part);
    return native.hashDigest(state);
  }

  // RFC 2104
  function createHmac(given, key) {
    const name = nameOf(given);
    let bytes = bytesOf(key);
    if (bytes.length > blocks[name]) bytes = digest(name, bytes);
    const pad = (byte) => Uint8Array.from({ length: blocks[name] },
      (_, i) => (bytes[i] ?? 0) ^ byte);
    return new Hash(name, (inner) => digest(name, pad(0x5c), inner))
      .update(pad(0x36));
  }

  function randomBytes(size, callback) {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at += 65536)
      native.random(new Uint8Array(bytes.buffer, at,
        Math.min(65536, size - at)));
    if (callback) setTimeout(callback, 0, null, bytes);
    return callback ? undefined : bytes;
  }

  function randomInt(low, high) {
    if (high === undefined) [low, high] = [0, low];
    const range = high - low;
    if (!(range > 0 && range <= 2 ** 48))
      throw new RangeError('randomInt: expected a range of 1 to 2^48 values');
    const most = 2 ** 48 - 2 ** 48 % range;
    for (;;) {
      const value = randomBytes(6).readUIntBE(0, 6);
      if (value < most) return low + value % range;
    }
  }

  function timingSafeEqual(a, b) {
    if (a.byteLength !== b.byteLength)
      throw new RangeError('Input buffers must have the same byte length');
    const [left, right] = [bytesOf(a), bytesOf(b)];
    let different = 0;
    for (let i = 0; i < left.length; i++) different |= left[i] ^ right[i];
    return different === 0;
  }

  const createHash = (name) => new Hash(name);
  const crypto = { createHash, createHmac, randomBytes, randomInt,
    timingSafeEqual, randomUUID: web.randomUUID, webcrypto: web,
    getRandomValues: web.getRandomValues,
    getHashes: () => Object.keys(blocks),
    hash: (name, data, encoding = 'hex') => createHash(name).update(data)
      .digest(encoding) };
  return { crypto };
})
