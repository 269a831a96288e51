// fetch over the host's http_* functions. The host waits while it answers, so
// requests follow one another; what it refuses rejects with its own words.
(function (native) {
  'use strict';

  const { bytesOf } = native.part('text');
  const { timeLeft, expire } = native.part('event');
  const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/; // RFC 9110 section 5.6.2
  const nullBody = [101, 103, 204, 205, 304]; // WHATWG Fetch, null body status

  class Headers {
    #list = new Map(); // lower-case name to a list of values
    constructor(init) {
      if (init === undefined || init === null) return;
      const pairs = init instanceof Headers || Array.isArray(init) ||
        typeof init[Symbol.iterator] === 'function'
        ? [...init] : Object.entries(init);
      for (const pair of pairs) {
        if ([...pair].length !== 2)
          throw new TypeError('Headers: expected [name, value] pairs');
        this.append(...pair);
      }
    }
    static #name(name) {
      if (!token.test(name))
        throw new TypeError(`Headers: '${name}' is not a header name`);
      return String(name).toLowerCase();
    }
    static #value(name, value) {
      const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
      if (/[\0\r\n]/.test(text))
        throw new TypeError(`Headers: the value of '${name}' has a control ` +
          'character');
      return text;
    }
    append(name, value) {
      const key = Headers.#name(name);
      const list = this.#list.get(key) ?? [];
      list.push(Headers.#value(name, value));
      this.#list.set(key, list);
    }
    set(name, value) {
      this.#list.set(Headers.#name(name), [Headers.#value(name, value)]);
    }
    delete(name) { this.#list.delete(Headers.#name(name)); }
    has(name) { return this.#list.has(Headers.#name(name)); }
    get(name) { return this.#list.get(Headers.#name(name))?.join(', ') ?? null; }
    getSetCookie() { return [...this.#list.get('set-cookie') ?? []]; }
    *entries() {
      for (const name of [...this.#list.keys()].sort()) {
        const list = this.#list.get(name);
        if (name === 'set-cookie') for (const value of list) yield [name, value];
        else yield [name, list.join(', ')];
      }
    }
    *keys() { for (const [name] of this.entries()) yield name; }
    *values() { for (const [, value] of this.entries()) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    forEach(each, self) {
      for (const [name, value] of this.entries())
        each.call(self, value, name, this);
    }
    get [Symbol.toStringTag]() { return 'Headers'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      return `Headers ${inspect(Object.fromEntries(this.entries()))}`;
    }
  }

  // The bytes of a body given to fetch, Request or Response, and its type.
  function encodeBody(body) {
    if (body === undefined || body === null) return [null, null];
    if (typeof body === 'object' &&
        Object.prototype.toString.call(body) === '[object URLSearchParams]')
      return [new TextEncoder().encode(String(body)),
        'application/x-www-form-urlencoded;charset=UTF-8'];
    if (ArrayBuffer.isView(body) || native.classOf(body) === 'ArrayBuffer')
      return [bytesOf(body).slice(), null];
    return [new TextEncoder().encode(String(body)),
      'text/plain;charset=UTF-8'];
  }

  class Body {
    #read; // gives all bytes, once; undefined without a body
    #isUsed = false;
    constructor(read) { this.#read = read; }
    get bodyUsed() { return this.#isUsed; }
    async bytes() {
      if (this.#isUsed) throw new TypeError('Body is unusable: it was read');
      if (this.#read === undefined) return new Uint8Array(0);
      this.#isUsed = true;
      await undefined;
      return this.#read();
    }
    async arrayBuffer() {
      const bytes = await this.bytes();
      return bytes.buffer.slice(bytes.byteOffset,
        bytes.byteOffset + bytes.byteLength);
    }
    async text() { return new TextDecoder().decode(await this.bytes()); }
    async json() { return JSON.parse(await this.text()); }
    copyBody() {
      if (this.#isUsed) throw new TypeError('Body is unusable: it was read');
      if (this.#read === undefined) return undefined;
      const read = this.#read;
      let bytes;
      const once = () => { bytes ??= read(); return bytes.slice(); };
      this.#read = once;
      return once;
    }
  }

  class Request extends Body {
    constructor(input, init = {}) {
      const from = input instanceof Request ? input : undefined;
      const [bytes, type] = encodeBody(init.body);
      super(bytes === null ? from?.copyBody() : () => bytes);
      this.url = from ? from.url : new URL(String(input)).href;
      this.method = normalize(init.method ?? from?.method ?? 'GET');
      this.headers = new Headers(init.headers ?? from?.headers);
      this.redirect = init.redirect ?? from?.redirect ?? 'follow';
      this.signal = init.signal ?? from?.signal ?? null;
      if (!['follow', 'manual', 'error'].includes(this.redirect))
        throw new TypeError(`Request: redirect '${this.redirect}' is none of ` +
          'follow, manual, error');
      if (bytes !== null && (this.method === 'GET' || this.method === 'HEAD'))
        throw new TypeError('Request with GET/HEAD method cannot have body.');
      if (type !== null && !this.headers.has('content-type'))
        this.headers.set('content-type', type);
    }
    clone() { return new Request(this); }
    get [Symbol.toStringTag]() { return 'Request'; }
  }

  function normalize(method) {
    if (!token.test(method))
      throw new TypeError(`'${method}' is not a valid HTTP method.`);
    const upper = String(method).toUpperCase();
    return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper)
      ? upper : String(method);
  }

  const fromHead = Symbol('head');

  class Response extends Body {
    constructor(body, init = {}) {
      const head = init[fromHead];
      const [bytes, type] = head ? [null, null] : encodeBody(body);
      super(head ? body : bytes === null ? undefined : () => bytes);
      const status = init.status ?? 200;
      if (!head && (!Number.isInteger(status) || status < 200 || status > 599))
        throw new RangeError(`Response: status ${status} is not in 200 to 599`);
      this.status = status;
      this.statusText = String(init.statusText ?? '');
      this.ok = status >= 200 && status <= 299;
      this.headers = new Headers(init.headers);
      this.url = head?.url ?? '';
      this.redirected = head?.redirected ?? false;
      this.type = head ? 'basic' : 'default';
      if (type !== null && !this.headers.has('content-type'))
        this.headers.set('content-type', type);
    }
    clone() {
      const read = this.copyBody();
      return new Response(read, { status: this.status, headers: this.headers,
        statusText: this.statusText,
        [fromHead]: { url: this.url, redirected: this.redirected } });
    }
    static json(data, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has('content-type'))
        headers.set('content-type', 'application/json');
      return new Response(JSON.stringify(data), { ...init, headers });
    }
    get [Symbol.toStringTag]() { return 'Response'; }
  }

  // RFC 9110 section 15 and the IANA registry: HTTP/2 sends no words.
  const statusTexts = { 200: 'OK', 201: 'Created', 202: 'Accepted',
    204: 'No Content', 206: 'Partial Content', 301: 'Moved Permanently',
    302: 'Found', 303: 'See Other', 304: 'Not Modified',
    307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request',
    401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
    405: 'Method Not Allowed', 406: 'Not Acceptable', 408: 'Request Timeout',
    409: 'Conflict', 410: 'Gone', 413: 'Content Too Large',
    415: 'Unsupported Media Type', 418: "I'm a teapot",
    422: 'Unprocessable Content', 429: 'Too Many Requests',
    500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway',
    503: 'Service Unavailable', 504: 'Gateway Timeout' };

  function readAll(handle, signal) {
    const chunks = [];
    let length = 0;
    try {
      for (;;) {
        const chunk = native.httpRead(handle);
        if (chunk.length === 0) break;
        chunks.push(chunk);
        length += chunk.length;
      }
    } catch (error) {
      throw timedOut(error, signal);
    } finally {
      native.httpClose(handle);
    }
    if (chunks.length === 1) return chunks[0];
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  // Responses whose body nobody has read yet: each holds a request open, and
  // the host allows so many. When there is one too many, the oldest is read.
  const unread = new Set();

  function makeBody(handle, signal) {
    let bytes;
    let failure;
    const body = {
      fill() {
        if (!unread.delete(body)) return;
        try { bytes = readAll(handle, signal); } catch (error) {
          failure = error;
        }
      },
      take() {
        body.fill();
        if (failure) throw failure;
        return bytes;
      },
    };
    unread.add(body);
    return body;
  }

  function open(request) {
    for (;;) {
      try {
        return native.httpOpen(request);
      } catch (error) {
        const [oldest] = unread;
        if (error.code !== 'EMFILE' || !oldest) throw error;
        oldest.fill();
      }
    }
  }

  function timedOut(error, signal) {
    if (error.code !== 'ETIMEDOUT' || !signal ||
        timeLeft(signal) === undefined) return error;
    expire(signal);
    return signal.reason;
  }

  async function send(request) {
    const { signal } = request;
    signal?.throwIfAborted();
    const body = await request.bytes();
    signal?.throwIfAborted();
    const left = signal ? timeLeft(signal) : undefined;
    const handle = open(JSON.stringify({ method: request.method,
      url: request.url, headers: [...request.headers],
      redirect: request.redirect,
      timeout_ms: left === undefined ? undefined : Math.ceil(left) || 1 }));
    try {
      if (body.length > 0) native.httpWrite(handle, body);
      return [handle, JSON.parse(native.httpHead(handle))];
    } catch (error) {
      native.httpClose(handle);
      throw timedOut(error, signal);
    }
  }

  async function fetch(input, init) {
    const request = new Request(input, init);
    const [handle, head] = await send(request);
    let read;
    if (request.method === 'HEAD' || nullBody.includes(head.status))
      native.httpClose(handle);
    else
      read = makeBody(handle, request.signal).take;
    return new Response(read, { status: head.status,
      statusText: head.status_text ?? statusTexts[head.status] ?? '',
      headers: head.headers, [fromHead]: head });
  }

  return { fetch, Headers, Request, Response };
})
