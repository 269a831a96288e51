// TextEncoder and TextDecoder, UTF-8 only (WHATWG Encoding).
(function (native) {
  'use strict';

  const labels = ['unicode-1-1-utf-8', 'unicode11utf8', 'unicode20utf8',
    'utf-8', 'utf8', 'x-unicode20utf8'];
  const EMPTY = new Uint8Array(0);

  function bytesOf(input) {
    if (input === undefined) return EMPTY;
    if (ArrayBuffer.isView(input))
      return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    if (native.classOf(input) === 'ArrayBuffer' ||
        native.classOf(input) === 'SharedArrayBuffer')
      return new Uint8Array(input);
    throw new TypeError('expected an ArrayBuffer or a view of one');
  }

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return native.utf8Encode(String(text).toWellFormed()); }
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const character of String(text).toWellFormed()) {
        const bytes = native.utf8Encode(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  // Bytes at the end that may be the start of a character, 0 to 3.
  function unfinished(bytes) {
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      return need > back ? back : 0;
    }
    return 0;
  }

  class TextDecoder {
    #held = EMPTY;
    #isStarted = false;
    constructor(label = 'utf-8', options = {}) {
      if (!labels.includes(String(label).trim().toLowerCase()))
        throw new RangeError(`encoding '${label}' is not supported, only utf-8`);
      this.fatal = Boolean(options.fatal);
      this.ignoreBOM = Boolean(options.ignoreBOM);
    }
    get encoding() { return 'utf-8'; }
    decode(input, options = {}) {
      let bytes = bytesOf(input);
      if (this.#held.length > 0) {
        const joined = new Uint8Array(this.#held.length + bytes.length);
        joined.set(this.#held);
        joined.set(bytes, this.#held.length);
        bytes = joined;
      }
      const kept = options.stream ? unfinished(bytes) : 0;
      this.#held = bytes.slice(bytes.length - kept);
      let text = native.utf8Decode(bytes.subarray(0, bytes.length - kept),
        this.fatal);
      if (text === undefined) {
        this.#held = EMPTY;
        throw new TypeError('the data is not valid utf-8');
      }
      if (!this.#isStarted && !this.ignoreBOM && text.startsWith('\ufeff'))
        text = text.slice(1);
      this.#isStarted = options.stream ? this.#isStarted || text !== '' : false;
      return text;
    }
  }

  return { TextEncoder, TextDecoder, bytesOf };
})
