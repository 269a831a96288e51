// URL and URLSearchParams (WHATWG URL). Host names are ASCII: the host's own
// parser, which decides what is dialled, turns international names to xn--.
(function (native) {
  'use strict';

  const special = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443',
    'ftp:': '21', 'file:': '' };
  const control = /[\0-\x1f\x7f-\uffff]/.source;
  const sets = {
    fragment: new RegExp(`${control}|[ "<>\`]`, 'g'),
    query: new RegExp(`${control}|[ "#<>]`, 'g'),
    specialQuery: new RegExp(`${control}|[ "#<>']`, 'g'),
    path: new RegExp(`${control}|[ "#<>?\`{}^]`, 'g'),
    userinfo: new RegExp(`${control}|[ "#<>?\`{}/:;=@\\[\\\\\\]^|]`, 'g'),
    opaque: new RegExp(control, 'g'),
  };

  function percent(text, set) {
    const whole = text.toWellFormed();
    return whole.search(set) < 0 ? whole
      : Array.from(whole, (character) => character.search(set) < 0 ? character
        : Array.from(native.utf8Encode(character), (byte) =>
          `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''))
        .join('');
  }

  function unpercent(text) {
    if (!text.includes('%')) return text;
    const bytes = native.utf8Encode(text.toWellFormed());
    const plain = [];
    for (let i = 0; i < bytes.length; i++) {
      const hex = bytes[i] === 0x25
        ? String.fromCharCode(bytes[i + 1], bytes[i + 2]) : '';
      if (/^[0-9A-Fa-f]{2}$/.test(hex)) {
        plain.push(parseInt(hex, 16));
        i += 2;
      } else {
        plain.push(bytes[i]);
      }
    }
    return native.utf8Decode(new Uint8Array(plain), false);
  }

  // ---- application/x-www-form-urlencoded

  function encodeForm(text) {
    return Array.from(String(text).toWellFormed(), (character) => {
      if (/[A-Za-z0-9*\-._]/.test(character)) return character;
      if (character === ' ') return '+';
      return Array.from(native.utf8Encode(character), (byte) =>
        `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
    }).join('');
  }

  function decodeForm(text) { return unpercent(text.replaceAll('+', ' ')); }

  function parseForm(text) {
    return text.split('&').filter((piece) => piece !== '').map((piece) => {
      const at = piece.indexOf('=');
      return at < 0 ? [decodeForm(piece), '']
        : [decodeForm(piece.slice(0, at)), decodeForm(piece.slice(at + 1))];
    });
  }

  const owner = Symbol('owner');

  class URLSearchParams {
    #list = [];
    #changed = () => {};
    constructor(init = '', key, changed) {
      if (key === owner) this.#changed = changed;
      if (typeof init === 'object' && init !== null) {
        const pairs = typeof init[Symbol.iterator] === 'function' ? [...init]
          : Object.entries(init);
        for (const pair of pairs) {
          const [name, value, ...rest] = pair;
          if (value === undefined || rest.length > 0)
            throw new TypeError(
              'URLSearchParams: expected [name, value] pairs');
          this.#list.push([String(name), String(value)]);
        }
      } else {
        this.#list = parseForm(String(init).replace(/^\?/, ''));
      }
    }
    get size() { return this.#list.length; }
    append(name, value) {
      this.#list.push([String(name), String(value)]);
      this.#changed(this);
    }
    delete(name, value) {
      this.#list = this.#list.filter(([key, item]) => key !== String(name) ||
        (value !== undefined && item !== String(value)));
      this.#changed(this);
    }
    get(name) {
      return this.#list.find(([key]) => key === String(name))?.[1] ?? null;
    }
    getAll(name) {
      return this.#list.filter(([key]) => key === String(name))
        .map(([, value]) => value);
    }
    has(name, value) {
      return this.#list.some(([key, item]) => key === String(name) &&
        (value === undefined || item === String(value)));
    }
    set(name, value) {
      const first = this.#list.findIndex(([key]) => key === String(name));
      if (first < 0) return this.append(name, value);
      this.#list[first][1] = String(value);
      this.#list = this.#list.filter(([key], i) => i <= first ||
        key !== String(name));
      this.#changed(this);
    }
    sort() {
      this.#list.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
      this.#changed(this);
    }
    forEach(each, self) {
      for (const [name, value] of this.#list) each.call(self, value, name, this);
    }
    *entries() { for (const pair of this.#list) yield [...pair]; }
    *keys() { for (const [name] of this.#list) yield name; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() {
      return this.#list.map(([name, value]) =>
        `${encodeForm(name)}=${encodeForm(value)}`).join('&');
    }
    get [Symbol.toStringTag]() { return 'URLSearchParams'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      if (this.#list.length === 0) return 'URLSearchParams {}';
      return `URLSearchParams { ${this.#list.map(([name, value]) =>
        `${inspect(name)} => ${inspect(value)}`).join(', ')} }`;
    }
  }

  // ---- hosts

  function parseIPv4Number(text) {
    if (text === '') return NaN;
    if (/^0[xX][0-9A-Fa-f]*$/.test(text)) return parseInt(text, 16) || 0;
    if (/^0[0-7]*$/.test(text)) return parseInt(text, 8);
    return /^[1-9]\d*$/.test(text) ? parseInt(text, 10) : NaN;
  }

  // The address when the name ends in a number, null when it is a name.
  function parseIPv4(host) {
    const pieces = host.split('.');
    if (pieces.at(-1) === '' && pieces.length > 1) pieces.pop();
    const last = pieces.at(-1);
    if (!/^\d+$/.test(last) && !/^0[xX][0-9A-Fa-f]*$/.test(last)) return null;
    const numbers = pieces.map(parseIPv4Number);
    const tail = numbers.pop();
    if (pieces.length > 4 || Number.isNaN(tail) ||
        numbers.some((number) => !(number <= 255)) ||
        tail >= 256 ** (4 - numbers.length))
      throw new TypeError('Invalid URL');
    const value = numbers.reduce((sum, number, i) =>
      sum + number * 256 ** (3 - i), tail);
    return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256)
      .join('.');
  }

  function parseIPv6(text) {
    const v4 = text.match(/^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/);
    let plain = text;
    if (v4) {
      const bytes = v4.slice(2).map(Number);
      if (bytes.some((byte, i) => byte > 255 || String(byte) !== v4[i + 2]))
        throw new TypeError('Invalid URL');
      plain = v4[1] + (bytes[0] * 256 + bytes[1]).toString(16) + ':' +
        (bytes[2] * 256 + bytes[3]).toString(16);
    }
    const halves = plain.split('::');
    const parts = halves.map((half) => half === '' ? [] : half.split(':'));
    const count = parts.reduce((sum, half) => sum + half.length, 0);
    if (halves.length > 2 || (halves.length === 1 ? count !== 8 : count > 7) ||
        parts.flat().some((piece) => !/^[0-9A-Fa-f]{1,4}$/.test(piece)))
      throw new TypeError('Invalid URL');
    const pieces = halves.length === 1 ? parts[0] : [...parts[0],
      ...new Array(8 - count).fill('0'), ...parts[1]];
    return `[${formatIPv6(pieces.map((piece) => parseInt(piece, 16)))}]`;
  }

  function formatIPv6(pieces) { // RFC 5952 section 4
    let best = { at: -1, length: 1 };
    for (let i = 0; i < 8; i++) {
      let end = i;
      while (end < 8 && pieces[end] === 0) end++;
      if (end - i > best.length) best = { at: i, length: end - i };
    }
    const hex = (list) => list.map((piece) => piece.toString(16)).join(':');
    return best.at < 0 ? hex(pieces)
      : `${hex(pieces.slice(0, best.at))}::` +
        hex(pieces.slice(best.at + best.length));
  }

  function parseHost(text, isSpecial) {
    if (text.startsWith('[')) {
      if (!text.endsWith(']')) throw new TypeError('Invalid URL');
      return parseIPv6(text.slice(1, -1));
    }
    if (!isSpecial) {
      if (/[\0\t\n\r #/<>?@[\\\]^|]/.test(text))
        throw new TypeError('Invalid URL');
      return percent(text, sets.opaque);
    }
    const host = unpercent(text).toLowerCase();
    if (host === '' || /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/.test(host))
      throw new TypeError('Invalid URL');
    return parseIPv4(host) ?? host;
  }

  // ---- parsing

  // scheme, userinfo, host, path, query and fragment of text; absent ones are
  // undefined.
  function split(text, isSpecial) {
    const hash = text.indexOf('#');
    const fragment = hash < 0 ? undefined : text.slice(hash + 1);
    const beforeHash = hash < 0 ? text : text.slice(0, hash);
    const mark = beforeHash.indexOf('?');
    const query = mark < 0 ? undefined : beforeHash.slice(mark + 1);
    let path = mark < 0 ? beforeHash : beforeHash.slice(0, mark);
    if (isSpecial) path = path.replaceAll('\\', '/');
    return { path, query, fragment };
  }

  function normalizePath(path, isFile) {
    const output = [];
    const pieces = path.split('/').slice(1);
    pieces.forEach((piece, i) => {
      const plain = piece.replace(/%2e/gi, '.');
      const isLast = i === pieces.length - 1;
      if (plain === '..') {
        if (!(isFile && output.length === 1 && /^[A-Za-z]:$/.test(output[0])))
          output.pop();
        if (isLast) output.push('');
      } else if (plain === '.') {
        if (isLast) output.push('');
      } else {
        output.push(percent(piece, sets.path));
      }
    });
    return `/${output.join('/')}`;
  }

  function parseAuthority(url, text) {
    const at = text.lastIndexOf('@');
    if (at >= 0) {
      const colon = text.slice(0, at).indexOf(':');
      const name = colon < 0 ? text.slice(0, at) : text.slice(0, colon);
      url.username = percent(name, sets.userinfo);
      url.password = colon < 0 ? ''
        : percent(text.slice(colon + 1, at), sets.userinfo);
    }
    const rest = text.slice(at + 1);
    const port = rest.match(/:(\d*)$/);
    const host = port ? rest.slice(0, port.index) : rest;
    if (host === '' && (at >= 0 || port) || /:[^\]]*$/.test(host))
      throw new TypeError('Invalid URL');
    url.host = parseHostFor(url, host);
    if (port) setPort(url, port[1]);
  }

  function parseHostFor(url, host) {
    if (url.protocol === 'file:')
      return host === '' || host.toLowerCase() === 'localhost' ? ''
        : parseHost(host, true);
    if (host === '' && !(url.protocol in special)) return '';
    return parseHost(host, url.protocol in special);
  }

  function setPort(url, text) {
    const port = text === '' ? NaN : Number(text);
    if (port > 65535) throw new TypeError('Invalid URL');
    url.port = Number.isNaN(port) || String(port) === special[url.protocol]
      ? '' : String(port);
  }

  function parse(input, base) {
    const text = String(input).toWellFormed()
      .replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
    const scheme = text.match(/^([A-Za-z][A-Za-z0-9+.-]*):/);
    const protocol = scheme ? scheme[0].toLowerCase() : base?.protocol;
    if (protocol === undefined) throw new TypeError('Invalid URL');
    const isSpecial = protocol in special;
    const isRelative = !scheme || (isSpecial && base?.protocol === protocol &&
      !/^[\\/]/.test(text.slice(scheme[0].length)) && protocol !== 'file:');
    const rest = scheme ? text.slice(scheme[0].length) : text;
    const parts = split(rest, isSpecial);
    const url = { protocol, username: '', password: '', host: null, port: '',
      path: '', query: parts.query, fragment: parts.fragment };
    if (isRelative) parseRelative(url, parts, base);
    else parseAbsolute(url, parts.path, isSpecial);
    if (url.query !== undefined && url.query !== base?.query)
      url.query = percent(url.query, isSpecial ? sets.specialQuery
        : sets.query);
    if (url.fragment !== undefined)
      url.fragment = percent(url.fragment, sets.fragment);
    return url;
  }

  function parseAbsolute(url, path, isSpecial) {
    const isFile = url.protocol === 'file:';
    let rest = path;
    if (isSpecial && !isFile) rest = `//${rest.replace(/^\/*/, '')}`;
    if (rest.startsWith('//')) {
      const end = rest.indexOf('/', 2);
      parseAuthority(url, rest.slice(2, end < 0 ? undefined : end));
      rest = end < 0 ? '' : rest.slice(end);
    } else if (isFile) {
      url.host = '';
      if (!rest.startsWith('/')) rest = `/${rest}`;
    }
    if (isSpecial || rest.startsWith('/'))
      url.path = normalizePath(rest === '' ? '/' : rest, isFile);
    else if (url.host === null)
      url.path = percent(rest, sets.opaque);
  }

  function parseRelative(url, parts, base) {
    const isOpaque = base.host === null && !base.path.startsWith('/');
    if (isOpaque && (parts.path !== '' || parts.query !== undefined ||
        parts.fragment === undefined))
      throw new TypeError('Invalid URL');
    if (parts.path.startsWith('//'))
      return parseAbsolute(url, parts.path, base.protocol in special);
    for (const key of ['username', 'password', 'host', 'port'])
      url[key] = base[key];
    if (parts.path === '') {
      url.path = base.path;
      if (parts.query === undefined) url.query = base.query;
    } else if (parts.path.startsWith('/')) {
      url.path = normalizePath(parts.path, url.protocol === 'file:');
    } else {
      const folder = base.path.slice(0, base.path.lastIndexOf('/') + 1) || '/';
      url.path = normalizePath(folder + parts.path, url.protocol === 'file:');
    }
    return undefined;
  }

  class URL {
    #url;
    #params;
    constructor(input, base) {
      try {
        this.#url = parse(input, base === undefined ? undefined
          : parse(base));
      } catch (error) {
        error.code = 'ERR_INVALID_URL';
        error.input = String(input);
        throw error;
      }
    }
    static canParse(input, base) {
      try { new URL(input, base); return true; } catch { return false; }
    }
    static parse(input, base) {
      try { return new URL(input, base); } catch { return null; }
    }
    get href() {
      const url = this.#url;
      const user = url.username || url.password ? `${url.username}${
        url.password ? `:${url.password}` : ''}@` : '';
      const authority = url.host === null ? '' : `//${user}${this.host}`;
      const guard = url.host === null && url.path.startsWith('//') ? '/.' : '';
      return url.protocol + authority + guard + url.path +
        (url.query === undefined ? '' : `?${url.query}`) +
        (url.fragment === undefined ? '' : `#${url.fragment}`);
    }
    set href(value) {
      this.#url = parse(value);
      this.#params = undefined;
    }
    get origin() {
      const { protocol } = this.#url;
      return protocol in special && protocol !== 'file:'
        ? `${protocol}//${this.host}` : 'null';
    }
    get protocol() { return this.#url.protocol; }
    set protocol(value) {
      const next = String(value).match(/^([A-Za-z][A-Za-z0-9+.-]*)(:|$)/);
      const name = next && `${next[1].toLowerCase()}:`;
      if (!name || (name in special) !== (this.#url.protocol in special)) return;
      this.#url.protocol = name;
      if (this.#url.port === special[name]) this.#url.port = '';
    }
    get username() { return this.#url.username; }
    set username(value) {
      if (this.#url.host) this.#url.username = percent(String(value),
        sets.userinfo);
    }
    get password() { return this.#url.password; }
    set password(value) {
      if (this.#url.host) this.#url.password = percent(String(value),
        sets.userinfo);
    }
    get hostname() { return this.#url.host ?? ''; }
    set hostname(value) {
      if (this.#url.host === null) return;
      try { this.#url.host = parseHostFor(this.#url, String(value)); } catch {
        // A setter ignores what it cannot use (WHATWG URL section 6.1).
      }
    }
    get host() {
      const { port } = this.#url;
      return this.hostname + (port === '' ? '' : `:${port}`);
    }
    set host(value) {
      const next = String(value).match(/^(.*?)(?::(\d+))?$/);
      if (!next) return;
      this.hostname = next[1];
      if (next[2] !== undefined) this.port = next[2];
    }
    get port() { return this.#url.port; }
    set port(value) {
      const digits = String(value).match(/^\d*/)[0];
      if (!this.#url.host || (digits === '' && value !== '') ||
          Number(digits) > 65535) return;
      setPort(this.#url, digits);
    }
    get pathname() { return this.#url.path; }
    set pathname(value) {
      const url = this.#url;
      if (url.host === null && !url.path.startsWith('/')) return;
      const text = String(value);
      const path = url.protocol in special ? text.replaceAll('\\', '/') : text;
      url.path = normalizePath(path.startsWith('/') ? path : `/${path}`,
        url.protocol === 'file:');
    }
    get search() { return this.#url.query ? `?${this.#url.query}` : ''; }
    set search(value) {
      const text = String(value).replace(/^\?/, '');
      this.#url.query = text === '' ? undefined : percent(text,
        this.#url.protocol in special ? sets.specialQuery : sets.query);
      this.#params = undefined;
    }
    get searchParams() {
      return this.#params ??= new URLSearchParams(this.#url.query, owner,
        (params) => { this.#url.query = params.toString() || undefined; });
    }
    get hash() { return this.#url.fragment ? `#${this.#url.fragment}` : ''; }
    set hash(value) {
      const text = String(value).replace(/^#/, '');
      this.#url.fragment = text === '' ? undefined
        : percent(text, sets.fragment);
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    get [Symbol.toStringTag]() { return 'URL'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      const shown = {};
      for (const key of ['href', 'origin', 'protocol', 'username', 'password',
        'host', 'hostname', 'port', 'pathname', 'search', 'searchParams',
        'hash']) shown[key] = this[key];
      return `URL ${inspect(shown)}`;
    }
  }

  return { URL, URLSearchParams };
})
