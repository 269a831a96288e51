// Small modules of Node.js: os, url, querystring, perf_hooks, timers and
// string_decoder.
(function (native) {
  'use strict';

  const { resolve } = native.part('path');
  const { Buffer } = native.part('buffer');
  const system = () => native.part('system');
  const variable = (name, otherwise) => system().process.env[name] ?? otherwise;

  const os = { EOL: '\n', devNull: '/dev/null',
    platform: () => 'linux', type: () => 'Linux', arch: () => 'wasm32',
    machine: () => 'wasm32', release: () => native.nodeVersion,
    version: () => `BoxAgnts js, QuickJS-ng ${native.version}`,
    endianness: () => 'LE', hostname: () => variable('HOSTNAME', 'localhost'),
    homedir: () => variable('HOME', '/'), tmpdir: () => variable('TMPDIR',
      '/tmp'),
    cpus: () => [{ model: 'WebAssembly', speed: 0, times: { user: 0, nice: 0,
      sys: 0, idle: 0, irq: 0 } }],
    availableParallelism: () => 1, loadavg: () => [0, 0, 0],
    totalmem: () => 4294967296, freemem: () => 4294967296 - native.memoryUsed(),
    uptime: () => performance.now() / 1000, networkInterfaces: () => ({}),
    userInfo: () => ({ username: variable('USER', 'user'), uid: 0, gid: 0,
      shell: '/bin/sh', homedir: variable('HOME', '/') }),
    constants: { signals: {}, errno: {} } };

  // ---- url

  function fileURLToPath(url) {
    const { protocol, pathname } = typeof url === 'string' ? new URL(url) : url;
    if (protocol !== 'file:')
      throw Object.assign(new TypeError('The URL must be of scheme file'),
        { code: 'ERR_INVALID_URL_SCHEME' });
    return decodeURIComponent(pathname);
  }

  function pathToFileURL(path) {
    const end = path.endsWith('/') && path !== '/' ? '/' : '';
    return new URL(`file://${(resolve(path) + end).split('/')
      .map(encodeURIComponent).join('/')}`);
  }

  // The old url.parse(), for scripts that still call it.
  function parseUrl(text, parsesQuery = false) {
    let url;
    try {
      url = new URL(text);
    } catch {
      const [, pathname, search, hash] =
        /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text);
      return { protocol: null, slashes: null, auth: null, host: null,
        port: null, hostname: null, hash: hash ?? null, search: search ?? null,
        query: parsesQuery ? parseQuery(search?.slice(1) ?? '')
          : search?.slice(1) ?? null,
        pathname: pathname || null, path: pathname + (search ?? '') || null,
        href: text };
    }
    const query = url.search.slice(1);
    return { protocol: url.protocol, slashes: true,
      auth: url.username ? url.username + (url.password && `:${url.password}`)
        : null,
      host: url.host, port: url.port || null, hostname: url.hostname,
      hash: url.hash || null, search: url.search || null,
      query: parsesQuery ? parseQuery(query) : query || null,
      pathname: url.pathname, path: url.pathname + url.search,
      href: url.href };
  }

  // ---- querystring

  const unescape = (text) => {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '));
    } catch {
      return text;
    }
  };

  function parseQuery(text, separator = '&', equals = '=') {
    const found = Object.create(null);
    for (const part of String(text).split(separator)) {
      if (part === '') continue;
      const at = part.indexOf(equals);
      const name = unescape(at < 0 ? part : part.slice(0, at));
      const value = at < 0 ? '' : unescape(part.slice(at + equals.length));
      if (!(name in found)) found[name] = value;
      else found[name] = [found[name], value].flat();
    }
    return found;
  }

  const plain = (value) => typeof value === 'string' ? value
    : typeof value === 'number' && Number.isFinite(value) ||
      typeof value === 'bigint' || typeof value === 'boolean' ? String(value)
      : '';
  const escape = (value) => encodeURIComponent(plain(value).toWellFormed());

  const stringifyQuery = (object, separator = '&', equals = '=') =>
    Object.entries(object ?? {}).flatMap(([name, value]) => [value].flat()
      .map((item) => escape(name) + equals + escape(item))).join(separator);

  const querystring = { parse: parseQuery, stringify: stringifyQuery, escape,
    unescape, decode: parseQuery, encode: stringifyQuery };

  // ---- timers

  const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval,
    clearImmediate } = globalThis;
  const timersPromises = {
    setTimeout: (ms, value) => new Promise((keep) =>
      setTimeout(() => keep(value), ms)),
    setImmediate: (value) => new Promise((keep) =>
      setTimeout(() => keep(value), 0)),
    setInterval: async function* (ms, value) {
      for (;;) {
        await timersPromises.setTimeout(ms);
        yield value;
      }
    },
    scheduler: { wait: (ms) => timersPromises.setTimeout(ms),
      yield: () => timersPromises.setImmediate() },
  };

  // ---- string_decoder: a character may lie across two chunks

  class StringDecoder {
    #decoder;
    #held = Buffer.alloc(0);
    constructor(encoding = 'utf8') {
      this.encoding = native.part('buffer').encodingOf(encoding);
      if (this.encoding === 'utf8') this.#decoder = new TextDecoder('utf-8',
        { ignoreBOM: true });
    }
    write(chunk) {
      if (typeof chunk === 'string') return chunk;
      if (this.#decoder) return this.#decoder.decode(chunk, { stream: true });
      const unit = { base64: 3, base64url: 3, utf16le: 2 }[this.encoding] ?? 1;
      const all = Buffer.concat([this.#held, chunk]);
      const end = all.length - all.length % unit;
      this.#held = all.subarray(end);
      return all.toString(this.encoding, 0, end);
    }
    end(chunk) {
      const text = chunk === undefined ? '' : this.write(chunk);
      if (this.#decoder) return text + this.#decoder.decode();
      const rest = this.#held.toString(this.encoding);
      this.#held = Buffer.alloc(0);
      return text + rest;
    }
  }

  return { os, querystring, timersPromises, string_decoder: { StringDecoder },
    url: { URL, URLSearchParams, fileURLToPath, pathToFileURL, parse: parseUrl,
      format: (url) => typeof url === 'string' || url instanceof URL
        ? String(url) : `${url.protocol ?? ''}//${url.host ?? url.hostname ??
          ''}${url.pathname ?? ''}${url.search ?? ''}${url.hash ?? ''}`,
      resolve: (from, to) => new URL(to, from).href },
    perf_hooks: { performance, PerformanceObserver: class {
      observe() {}
      disconnect() {}
    } },
    timers: { setTimeout, setInterval, setImmediate, clearTimeout,
      clearInterval, clearImmediate, promises: timersPromises } };
})
