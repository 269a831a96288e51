// node:stream and node:readline, as far as scripts that read and write files,
// standard input and programs need them. Nothing waits for a slow reader:
// what is pushed is held in memory.
(function (native) {
  'use strict';

  const { Buffer } = native.part('buffer');
  const { EventEmitter } = native.part('events');

  class Readable extends EventEmitter {
    #chunks = [];
    #isEnded = false;
    #isFlowing = false;
    #isScheduled = false;
    #isReading = false;
    #encoding;
    readable = true;
    destroyed = false;
    readableEnded = false;
    constructor(options = {}) {
      super();
      this.readableObjectMode = Boolean(options.objectMode);
      this.#encoding = options.encoding;
      if (options.read) this._read = options.read;
      if (options.destroy) this._destroy = options.destroy;
    }
    static from(items) {
      const stream = new Readable({ objectMode: true });
      const source = typeof items === 'string' || items instanceof Uint8Array
        ? [items] : items;
      (async () => {
        for await (const item of source) stream.push(item);
        stream.push(null);
      })().catch((error) => stream.destroy(error));
      return stream;
    }
    push(chunk, encoding) {
      if (chunk === null) {
        this.#isEnded = true;
      } else {
        if (!this.readableObjectMode && typeof chunk === 'string')
          chunk = Buffer.from(chunk, encoding);
        if (this.readableObjectMode || chunk.length > 0)
          this.#chunks.push(chunk);
      }
      this.#isReading = false;
      this.#schedule();
      return true;
    }
    unshift(chunk) { this.#chunks.unshift(chunk); }
    setEncoding(encoding) { this.#encoding = encoding; return this; }
    #shape(chunk) {
      return this.#encoding && chunk instanceof Uint8Array
        ? Buffer.from(chunk).toString(this.#encoding) : chunk;
    }
    // With an encoding, characters may lie across chunks.
    #take() {
      if (!this.#encoding || this.readableObjectMode)
        return this.#shape(this.#chunks.shift());
      const all = Buffer.concat(this.#chunks.splice(0));
      if (this.#isEnded) return all.toString(this.#encoding);
      let end = all.length;
      for (let back = 1; back <= 3 && back <= all.length; back++)
        if ((all[all.length - back] & 0xc0) === 0xc0) end = all.length - back;
      if (end < all.length) this.#chunks.unshift(all.subarray(end));
      return all.subarray(0, end).toString(this.#encoding);
    }
    read() {
      if (this.#chunks.length === 0) this.#pull();
      return this.#chunks.length > 0 ? this.#take() : null;
    }
    #pull() {
      if (this.#isEnded || this.#isReading || !this._read) return;
      this.#isReading = true;
      try {
        this._read(65536);
      } catch (error) {
        this.destroy(error);
      }
    }
    #schedule() {
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setTimeout(() => { this.#isScheduled = false; this.#flow(); }, 0);
    }
    #flow() {
      if (this.destroyed) return;
      if (this.#chunks.length > 0 && this.listenerCount('readable') > 0)
        this.emit('readable');
      while (this.#isFlowing && this.#chunks.length > 0)
        this.emit('data', this.#take());
      const wants = this.#isFlowing || this.listenerCount('readable') > 0;
      if (this.#isEnded && this.#chunks.length === 0 && wants &&
          !this.readableEnded) {
        this.readableEnded = true;
        this.readable = false;
        this.emit('end');
        this.destroy();
      } else if (this.#isFlowing && !this.#isEnded) {
        this.#pull();
      }
    }
    on(name, listener) {
      super.on(name, listener);
      if (name === 'data') this.resume();
      if (name === 'readable') { this.#pull(); this.#schedule(); }
      return this;
    }
    resume() { this.#isFlowing = true; this.#schedule(); return this; }
    pause() { this.#isFlowing = false; return this; }
    isPaused() { return !this.#isFlowing; }
    pipe(target, options = {}) {
      this.on('data', (chunk) => target.write(chunk));
      if (options.end !== false && !target.isStandard)
        this.on('end', () => target.end());
      target.emit('pipe', this);
      return target;
    }
    destroy(error) {
      if (this.destroyed) return this;
      this.destroyed = true;
      this._destroy?.(error ?? null, () => {});
      setTimeout(() => {
        if (error) this.emit('error', error);
        this.emit('close');
      }, 0);
      return this;
    }
    async* [Symbol.asyncIterator]() {
      let wake = () => {};
      let failure;
      this.on('error', (error) => { failure = { error }; wake(); });
      this.on('close', () => wake());
      for (;;) {
        const chunk = this.read();
        if (chunk !== null && chunk !== '') {
          yield chunk;
          continue;
        }
        if (failure) throw failure.error;
        if (this.#isEnded && this.#chunks.length === 0) break;
        if (this.destroyed) break;
        if (this.#chunks.length === 0)
          await new Promise((resolve) => {
            wake = resolve;
            this.once('readable', resolve);
          });
      }
      this.readableEnded = true;
      this.destroy();
      if (failure) throw failure.error;
    }
    async toArray() {
      const all = [];
      for await (const chunk of this) all.push(chunk);
      return all;
    }
  }

  class Writable extends EventEmitter {
    #queue = Promise.resolve();
    #isEnding = false;
    writable = true;
    destroyed = false;
    writableFinished = false;
    constructor(options = {}) {
      super();
      initWritable(this, options);
    }
    write(chunk, encoding, done) {
      if (typeof encoding === 'function') return this.write(chunk, undefined,
        encoding);
      if (this.#isEnding)
        return this.destroy(Object.assign(new Error('write after end'),
          { code: 'ERR_STREAM_WRITE_AFTER_END' })), false;
      const data = typeof chunk === 'string' && !this.writableObjectMode &&
        this.decodeStrings ? Buffer.from(chunk, encoding) : chunk;
      this.#queue = this.#queue.then(() => new Promise((next) => {
        if (this.destroyed) return next();
        return this._write(data, encoding ?? 'utf8', (error) => {
          if (error) this.destroy(error);
          done?.(error);
          next();
        });
      })).catch((error) => this.destroy(error));
      return true;
    }
    end(chunk, encoding, done) {
      if (typeof chunk === 'function') return this.end(undefined, undefined,
        chunk);
      if (typeof encoding === 'function') return this.end(chunk, undefined,
        encoding);
      if (chunk !== undefined && chunk !== null) this.write(chunk, encoding);
      if (this.#isEnding) return this;
      this.#isEnding = true;
      this.writable = false;
      if (done) this.once('finish', done);
      this.#queue.then(() => new Promise((next) => this._final(next)))
        .then((error) => {
          if (this.destroyed) return;
          if (error) throw error;
          this.writableFinished = true;
          this.emit('finish');
          this._afterFinish();
        }).catch((error) => this.destroy(error));
      return this;
    }
    _write(chunk, encoding, done) { done(); }
    _final(done) { done(); }
    _afterFinish() { this.destroy(); }
    cork() {}
    uncork() {}
    setDefaultEncoding() { return this; }
    destroy(error) {
      if (this.destroyed) return this;
      this.destroyed = true;
      this._destroy?.(error ?? null, () => {});
      setTimeout(() => {
        if (error) this.emit('error', error);
        this.emit('close');
      }, 0);
      return this;
    }
  }

  function initWritable(stream, options) {
    stream.writableObjectMode = Boolean(options.objectMode);
    stream.decodeStrings = options.decodeStrings !== false;
    for (const name of ['write', 'final', 'destroy'])
      if (options[name]) stream[`_${name}`] = options[name];
  }

  // Both at once: a Readable with the methods of a Writable beside it.
  class Duplex extends Readable {
    #sink;
    constructor(options = {}) {
      super(options);
      const own = this;
      this.#sink = new Writable({ ...options, destroy: undefined,
        write: (...args) => own._write(...args),
        final: (done) => own._final(done) });
      this.#sink._afterFinish = () => {};
      this.#sink.on('finish', () => this.emit('finish'));
      this.#sink.on('error', (error) => this.destroy(error));
      this.writable = true;
      if (options.write) this._write = options.write;
      if (options.final) this._final = options.final;
    }
    _write(chunk, encoding, done) { done(); }
    _final(done) { done(); }
    write(...args) { return this.#sink.write(...args); }
    end(...args) { this.#sink.end(...args); return this; }
    cork() {}
    uncork() {}
  }

  class Transform extends Duplex {
    constructor(options = {}) {
      super(options);
      if (options.transform) this._transform = options.transform;
      if (options.flush) this._flush = options.flush;
    }
    _write(chunk, encoding, done) {
      this._transform(chunk, encoding, (error, data) => {
        if (data !== undefined && data !== null) this.push(data);
        done(error);
      });
    }
    _final(done) {
      const end = (error, data) => {
        if (data !== undefined && data !== null) this.push(data);
        this.push(null);
        done(error);
      };
      if (this._flush) this._flush(end);
      else end();
    }
  }

  class PassThrough extends Transform {
    _transform(chunk, encoding, done) { done(null, chunk); }
  }

  function finished(stream, callback) {
    const done = (error) => callback(error);
    stream.once('error', done);
    stream.once(stream.end ? 'finish' : 'end', () => done());
  }

  async function pipeStreams(streams) {
    let source = streams[0];
    if (typeof source === 'function') source = source();
    if (!(source instanceof Readable)) source = Readable.from(source);
    for (const step of streams.slice(1)) {
      if (typeof step === 'function') {
        const made = step(source);
        if (typeof made?.then === 'function') return made;
        source = Readable.from(made);
      } else {
        source.on('error', (error) => step.destroy(error));
        source = source.pipe(step);
      }
    }
    return new Promise((keep, refuse) => {
      source.once('error', refuse);
      source.once('finish', () => keep());
    });
  }

  function pipeline(...streams) {
    const callback = streams.pop();
    pipeStreams(streams).then(() => callback(), callback);
    return streams.at(-1);
  }

  const streamPromises = { pipeline: (...streams) => pipeStreams(streams),
    finished: (stream) => new Promise((keep, refuse) => finished(stream,
      (error) => error ? refuse(error) : keep())) };
  class Stream extends EventEmitter {}
  const stream = Object.assign(Stream, { Stream, Readable, Writable, Duplex,
    Transform, PassThrough, pipeline, finished, promises: streamPromises });

  // ---- files and standard streams

  function readFrom(getFd, options = {}) {
    let fd;
    let { start, end = Infinity } = options;
    const made = new Readable({ encoding: options.encoding,
      read() {
        fd ??= getFd(made);
        const wanted = Math.min(options.highWaterMark ?? 65536,
          end - (start ?? 0) + 1);
        const chunk = Buffer.alloc(Math.max(wanted, 0));
        const got = native.fileReadAt(fd, chunk, start ?? null);
        if (start !== undefined || end !== Infinity) start = (start ?? 0) + got;
        this.push(got > 0 ? chunk.subarray(0, got) : null);
      },
      destroy() { if (fd > 2) native.fileClose(fd); fd = -1; } });
    return made;
  }

  function createReadStream(fs, path, options) {
    let fd = options.fd;
    const open = () => fd ??= fs.openSync(path, options.flags ?? 'r');
    const made = readFrom(open, options);
    made.path = path;
    setTimeout(() => {
      if (made.destroyed) return;
      try {
        made.emit('open', open());
      } catch (error) {
        made.destroy(error);
      }
    }, 0);
    return made;
  }

  function createWriteStream(fs, path, options) {
    let fd = options.fd;
    const made = new Writable({
      write(chunk, encoding, done) {
        native.fileWriteAt(fd, typeof chunk === 'string'
          ? Buffer.from(chunk, encoding) : chunk, null);
        made.bytesWritten += chunk.length;
        done();
      },
      destroy() { if (fd > 2) native.fileClose(fd); } });
    made.path = path;
    made.bytesWritten = 0;
    try {
      fd ??= fs.openSync(path, options.flags ?? 'w');
    } catch (error) {
      made.destroy(error);
    }
    return made;
  }

  const standardInput = () => Object.assign(readFrom(() => 0),
    { fd: 0, isTTY: undefined });

  // ---- readline

  class Interface extends EventEmitter {
    #lines = [];
    #isClosed = false;
    #asked = [];
    #output;
    #prompt = '> ';
    constructor(input, output) {
      super();
      this.#output = output;
      let rest = '';
      const take = (text) => {
        const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop();
        for (const line of lines) this.#put(line);
      };
      input.setEncoding?.('utf8');
      input.on('data', (chunk) => take(String(chunk)));
      input.on('error', (error) => this.emit('error', error));
      input.on('end', () => {
        if (rest !== '') this.#put(rest.replace(/\r$/, ''));
        this.close();
      });
    }
    #put(line) {
      const asked = this.#asked.shift();
      if (asked) {
        asked(line);
        return;
      }
      this.#lines.push(line);
      setTimeout(() => this.#tell(), 0);
    }
    #tell() {
      while (this.listenerCount('line') > 0 && this.#lines.length > 0)
        this.emit('line', this.#lines.shift());
      this.emit('\0more');
    }
    question(query, options, callback) {
      if (typeof options === 'function') callback = options;
      this.#output?.write(query);
      if (this.#lines.length > 0) callback(this.#lines.shift());
      else this.#asked.push(callback);
    }
    close() {
      if (this.#isClosed) return;
      this.#isClosed = true;
      setTimeout(() => {
        this.#tell();
        this.emit('close');
        this.emit('\0more');
      }, 0);
    }
    setPrompt(text) { this.#prompt = text; }
    prompt() { this.#output?.write(this.#prompt); }
    write() {}
    pause() { return this; }
    resume() { return this; }
    async* [Symbol.asyncIterator]() {
      for (;;) {
        while (this.#lines.length > 0) yield this.#lines.shift();
        if (this.#isClosed) return;
        await new Promise((resolve) => this.once('\0more', resolve));
      }
    }
  }

  const createInterface = (input, output) => input.input === undefined
    ? new Interface(input, output) : new Interface(input.input, input.output);
  const readline = { createInterface, Interface, clearLine: () => true,
    cursorTo: () => true };
  readline.promises = { createInterface: (...args) => {
    const made = createInterface(...args);
    const ask = made.question.bind(made);
    made.question = (query) => new Promise((keep) => ask(query, keep));
    return made;
  } };

  return { stream, streamPromises, readline,
    readlinePromises: readline.promises, createReadStream, createWriteStream,
    standardInput };
})
