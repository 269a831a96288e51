// console and the inspection of values, laid out as Node.js lays them out.
// A script may have replaced or frozen any built-in: what is needed is taken
// here, once, and getters of inspected objects are shown, not called.
(function (native) {
  'use strict';

  const BREAK_LENGTH = 80; // columns of a line of an object
  const COMPACT_LEVELS = 3; // innermost levels that may share a line
  const MAX_DEPTH = 2; // nested objects shown by console.log
  const MAX_ITEMS = 100; // of an array, a set or a map
  const MAX_STRING = 10000; // characters of a string inside an object
  const MAX_COLUMNS = 15; // of a grouped array
  const GROUPED_FROM = 6; // items; an array with more is laid in columns
  const GROUPED_LINE = 16; // the most columns of short items

  const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const isIdentifier = /^[A-Za-z_$][\w$]*$/;
  const typedArrays = /^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/;
  // Frames of the prelude, and the native ones it called.
  const ownFrames = /(?:^.*\(native\)\n)*^.*\(<null>:\d+:\d+\)\n?/gm;
  const errorStackLine = /^\s+at /m;

  function escapeCharacter(character) {
    const known = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\b': '\\b',
      '\f': '\\f', '\v': '\\v', '\\': '\\\\' };
    if (known[character]) return known[character];
    const code = character.charCodeAt(0);
    if (code < 0x100)
      return '\\x' + code.toString(16).toUpperCase().padStart(2, '0');
    return '\\u' + code.toString(16);
  }

  function quote(text) {
    const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"'
      : !text.includes('`') && !text.includes('${') ? '`' : "'";
    let shown = text.replace(
      /[\x00-\x1f\x7f-\x9f\\]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      escapeCharacter);
    if (mark === "'") shown = shown.replaceAll("'", "\\'");
    return mark + shown + mark;
  }

  function showNumber(value) {
    return Object.is(value, -0) ? '-0' : String(value);
  }

  function showPrimitive(value, isNested) {
    switch (typeof value) {
      case 'string': {
        if (!isNested) return quote(value);
        const rest = value.length - MAX_STRING;
        if (rest <= 0) return quote(value);
        return quote(value.slice(0, MAX_STRING)) +
          `... ${rest} more character${rest > 1 ? 's' : ''}`;
      }
      case 'number': return showNumber(value);
      case 'bigint': return `${value}n`;
      case 'symbol': return value.toString();
      default: return String(value);
    }
  }

  function showKey(key) {
    if (typeof key === 'symbol') return `[${key.toString()}]`;
    return isIdentifier.test(key) ? key : quote(key);
  }

  // The name of the class an object came from; null without a prototype.
  function constructorName(object) {
    for (let at = object; at !== null; at = getPrototypeOf(at)) {
      const found = getOwnPropertyDescriptor(at, 'constructor');
      if (found && typeof found.value === 'function' &&
          typeof found.value.name === 'string' && found.value.name !== '' &&
          (at !== object || getPrototypeOf(at) === null))
        return found.value.name;
    }
    return null;
  }

  function prefix(name, fallback, size) {
    const count = size === undefined ? '' : `(${size})`;
    if (name === null) return `[${fallback}${count}: null prototype] `;
    return `${name}${count} `;
  }

  function tagOf(object, name) {
    let tag;
    try { tag = object[Symbol.toStringTag]; } catch { return ''; }
    if (typeof tag !== 'string' || tag === '' || tag === name) return '';
    return `[${tag}] `;
  }

  // Own keys as console.log shows them: enumerable ones, symbols included.
  function ownKeys(object, isListed) {
    const keys = [];
    for (const key of Reflect.ownKeys(object)) {
      if (isListed && typeof key === 'string' && isIndex(key)) continue;
      const found = getOwnPropertyDescriptor(object, key);
      if (found && found.enumerable) keys.push(key);
    }
    return keys;
  }

  function isIndex(key) {
    const index = Number(key);
    return Number.isInteger(index) && index >= 0 && index < 4294967295 &&
      String(index) === key;
  }

  function showProperty(ctx, object, key, level) {
    const found = getOwnPropertyDescriptor(object, key);
    return `${showKey(key)}: ${showDescriptor(ctx, found, level)}`;
  }

  function showDescriptor(ctx, found, level) {
    if (found.get) return found.set ? '[Getter/Setter]' : '[Getter]';
    if (found.set) return '[Setter]';
    ctx.indent += 2;
    const text = show(ctx, found.value, level, true);
    ctx.indent -= 2;
    return text;
  }

  function more(count) {
    return `... ${count} more item${count > 1 ? 's' : ''}`;
  }

  function showArray(ctx, array, level) {
    const output = [];
    const length = array.length;
    let at = 0;
    for (; at < length && output.length < MAX_ITEMS; at++) {
      const found = getOwnPropertyDescriptor(array, at);
      if (found) {
        output.push(showDescriptor(ctx, found, level));
        continue;
      }
      const first = at;
      while (at + 1 < length && !Object.hasOwn(array, at + 1)) at++;
      const holes = at - first + 1;
      output.push(`<${holes} empty item${holes > 1 ? 's' : ''}>`);
    }
    if (at < length) output.push(more(length - at));
    return output;
  }

  function showTypedArray(array) {
    const output = [];
    const length = Math.min(array.length, MAX_ITEMS);
    for (let i = 0; i < length; i++) output.push(showPrimitive(array[i]));
    if (array.length > length) output.push(more(array.length - length));
    return output;
  }

  function showList(ctx, values, level) {
    const output = [];
    ctx.indent += 2;
    for (const value of values) {
      if (output.length === MAX_ITEMS) break;
      output.push(show(ctx, value, level, true));
    }
    ctx.indent -= 2;
    return output;
  }

  function showSet(ctx, set, level) {
    const output = showList(ctx, Set.prototype.values.call(set), level);
    const rest = sizeOf(Set, set) - output.length;
    if (rest > 0) output.push(more(rest));
    return output;
  }

  function showMap(ctx, map, level) {
    const output = [];
    ctx.indent += 2;
    for (const [key, value] of Map.prototype.entries.call(map)) {
      if (output.length === MAX_ITEMS) break;
      output.push(`${show(ctx, key, level, true)} => ` +
        show(ctx, value, level, true));
    }
    ctx.indent -= 2;
    const rest = sizeOf(Map, map) - output.length;
    if (rest > 0) output.push(more(rest));
    return output;
  }

  function sizeOf(type, collection) {
    return getOwnPropertyDescriptor(type.prototype, 'size').get
      .call(collection);
  }

  function showBuffer(ctx, buffer, level) {
    const bytes = new Uint8Array(buffer);
    const shown = [...bytes.subarray(0, 50)]
      .map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const rest = bytes.length - 50;
    const tail = rest > 0 ? ` ... ${rest} more byte${rest > 1 ? 's' : ''}` : '';
    return [`[Uint8Contents]: <${shown}${tail}>`,
      `byteLength: ${bytes.length}`];
  }

  function showPromise(ctx, promise, level) {
    const [state, result] = native.promiseState(promise);
    if (state === 0) return ['<pending>'];
    ctx.indent += 2;
    const text = show(ctx, result, level, true);
    ctx.indent -= 2;
    return [state === 1 ? text : `<rejected> ${text}`];
  }

  // Own on a DOMException, an accessor of the prototype on other errors.
  const stackGetter = getOwnPropertyDescriptor(Error.prototype, 'stack')?.get;
  function stackOf(error) {
    const own = getOwnPropertyDescriptor(error, 'stack');
    const text = own ? own.value
      : native.classOf(error) === 'Error' ? stackGetter?.call(error) : '';
    return typeof text === 'string' ? text : '';
  }

  function showError(error) {
    const text = stackOf(error);
    let head;
    try {
      head = Error.prototype.toString.call(error);
    } catch {
      head = 'Error';
    }
    const name = constructorName(error);
    if (name !== null && /Error$|^DOMException$/.test(name) &&
        head.startsWith('Error') && !name.startsWith('Error'))
      head = name + head.slice(5);
    const lines = text.includes(head) ? text.slice(text.indexOf(head) +
      head.length) : text;
    if (!errorStackLine.test(lines)) return head.includes('\n') ? head
      : `[${head}]`;
    const frames = lines.replace(ownFrames, '').replace(/^\n+|\n+$/g, '');
    return frames === '' ? head : `${head}\n${frames}`;
  }

  function showFunction(value, name) {
    const text = Function.prototype.toString.call(value);
    const label = getOwnPropertyDescriptor(value, 'name')?.value;
    if (/^class\b/.test(text)) {
      const parent = getPrototypeOf(value);
      const base = typeof parent === 'function' && parent.name
        ? ` extends ${parent.name}` : '';
      return `[class ${label || '(anonymous)'}${base}]`;
    }
    const kind = native.classOf(value) === 'AsyncFunction' ? 'AsyncFunction'
      : name === null ? 'Function (null prototype)' : name;
    return label ? `[${kind}: ${label}]` : `[${kind} (anonymous)]`;
  }

  // What an object is: its own text, or the braces around it and its items.
  function describe(ctx, object, name, kind) {
    const tag = tagOf(object, name);
    if (Array.isArray(object)) {
      const label = name !== 'Array' || tag ?
        prefix(name, 'Array', object.length) + tag : '';
      return { isArray: true, open: `${label}[`, close: ']',
        items: showArray };
    }
    if (kind === 'Set') return { open: `${prefix(name, 'Set',
      sizeOf(Set, object))}${tag}{`, items: showSet };
    if (kind === 'Map') return { open: `${prefix(name, 'Map',
      sizeOf(Map, object))}${tag}{`, items: showMap };
    if (typedArrays.test(kind)) return { isArray: true, close: ']',
      open: `${prefix(name, kind, object.length)}${tag}[`,
      items: (_, array) => showTypedArray(array) };
    if (kind === 'Map Iterator' || kind === 'Set Iterator')
      return { base: `Object [${kind}]`, open: '{' };
    if (kind === 'Function' || typeof object === 'function')
      return { base: showFunction(object, name), isBare: true };
    if (kind === 'Error' || kind === 'DOMException')
      return { base: showError(object), isBare: true };
    if (kind === 'RegExp') return { isBare: true,
      base: RegExp.prototype.toString.call(object) };
    if (kind === 'Date') return { isBare: true,
      base: Number.isNaN(Date.prototype.getTime.call(object)) ? 'Invalid Date'
        : Date.prototype.toISOString.call(object) };
    if (kind === 'Promise')
      return { open: `${prefix(name, 'Promise')}{`, items: showPromise };
    if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer')
      return { open: `${prefix(name, kind)}{`, items: showBuffer };
    if (kind === 'WeakSet' || kind === 'WeakMap') return {
      open: `${prefix(name, kind)}{`, items: () => ['<items unknown>'] };
    const boxed = { Number, String, Boolean, BigInt, Symbol }[kind];
    if (boxed) {
      const value = boxed.prototype.valueOf.call(object);
      return { isBare: true, isListed: kind === 'String',
        base: `[${kind}: ${showPrimitive(value)}]` };
    }
    if (kind === 'Arguments') return { open: '[Arguments] {' };
    if (kind === 'Generator') return { open: 'Object [Generator] {' };
    const label = name === 'Object' && tag === '' ? ''
      : name === 'Object' ? `Object ${tag}` : prefix(name, 'Object') + tag;
    return { open: `${label}{` };
  }

  function getLabel(name, kind, isArray) {
    if (isArray) return '[Array]';
    return name === null ? `[${kind}: null prototype]` : `[${name}]`;
  }

  function isShort(output, start, base) {
    let total = output.length + start;
    if (total + output.length > BREAK_LENGTH) return false;
    for (const text of output) total += text.length;
    return total <= BREAK_LENGTH && !base.includes('\n');
  }

  // Lay the items of a long array in columns of one width each.
  function group(ctx, output, array) {
    const extra = array !== undefined && array.length > MAX_ITEMS &&
      output.length > MAX_ITEMS ? 1 : 0;
    const count = output.length - extra;
    const widths = output.slice(0, count).map((text) => text.length);
    const longest = Math.max(...widths) + 2;
    const total = widths.reduce((sum, width) => sum + width + 2, 0);
    if (longest * 3 + ctx.indent >= BREAK_LENGTH ||
        !(total / longest > 5 || longest <= 8)) return output;
    const bias = Math.sqrt(longest - total / output.length);
    const width = Math.max(longest - 3 - bias, 1);
    const columns = Math.min(
      Math.round(Math.sqrt(2.5 * width * count) / width),
      Math.floor((BREAK_LENGTH - ctx.indent) / longest),
      COMPACT_LEVELS * 4, MAX_COLUMNS);
    if (columns <= 1) return output;
    const columnWidths = [];
    for (let i = 0; i < columns; i++) {
      let widest = 0;
      for (let j = i; j < count; j += columns)
        widest = Math.max(widest, widths[j]);
      columnWidths.push(widest + 2);
    }
    const isNumeric = array !== undefined && output.every((_, i) =>
      typeof array[i] === 'number' || typeof array[i] === 'bigint');
    const lines = [];
    for (let i = 0; i < count; i += columns) {
      const last = Math.min(i + columns, count) - 1;
      let line = '';
      for (let j = i; j < last; j++) {
        const cell = `${output[j]}, `;
        line += isNumeric ? cell.padStart(columnWidths[j - i])
          : cell.padEnd(columnWidths[j - i]);
      }
      line += isNumeric ? output[last].padStart(columnWidths[last - i] - 2)
        : output[last];
      lines.push(line);
    }
    if (extra) lines.push(output[count]);
    return lines;
  }

  function join(ctx, output, shape, level, array) {
    const base = shape.base === undefined || shape.isBare && !output.length
      ? '' : `${shape.base} `;
    const open = shape.open ?? '{';
    const close = shape.close ?? '}';
    const entries = output.length;
    if (shape.isArray && entries > GROUPED_FROM)
      output = group(ctx, output, array);
    if (ctx.level - level < COMPACT_LEVELS && entries === output.length) {
      const start = output.length + ctx.indent + open.length + base.length + 10;
      if (isShort(output, start, base)) {
        const line = output.join(', ');
        if (!line.includes('\n')) return `${base}${open} ${line} ${close}`;
      }
    }
    const indent = `\n${' '.repeat(ctx.indent)}`;
    return `${base}${open}${indent}  ${output.join(`,${indent}  `)}` +
      `${indent}${close}`;
  }

  function show(ctx, value, level, isNested) {
    if (value === null || (typeof value !== 'object' &&
        typeof value !== 'function'))
      return showPrimitive(value, isNested);
    let object = value;
    for (let i = 0; i < 100; i++) {
      const target = native.proxyTarget(object);
      if (target === undefined) break;
      object = target;
    }
    const custom = showCustom(ctx, object, level);
    if (custom !== undefined) return custom;
    if (ctx.seen.includes(object)) {
      if (!ctx.circular.has(object))
        ctx.circular.set(object, ctx.circular.size + 1);
      return `[Circular *${ctx.circular.get(object)}]`;
    }
    return showObject(ctx, object, level);
  }

  // An object may say itself how it looks: the symbol is Node's.
  const customSymbol = Symbol.for('nodejs.util.inspect.custom');
  function showCustom(ctx, object, level) {
    const custom = object[customSymbol];
    if (typeof custom !== 'function') return undefined;
    const shown = custom.call(object, ctx.depth - level, {}, inspect);
    if (shown === object) return undefined;
    return typeof shown === 'string' ? shown : show(ctx, shown, level, true);
  }

  function showObject(ctx, object, level) {
    const name = constructorName(object);
    const kind = native.classOf(object);
    const shape = describe(ctx, object, name, kind);
    const keys = ownKeys(object, shape.isArray || shape.isListed)
      .filter((key) => !(kind === 'Error' && (key === 'stack' ||
        key === 'message')));
    if (shape.isBare && kind === 'Error') addErrorKeys(object, keys);
    if (level > ctx.depth && !(keys.length === 0 && (shape.isBare ||
        isEmpty(object, kind))))
      return getLabel(name, kind, Array.isArray(object));
    if (shape.isBare && keys.length === 0) return shape.base.replaceAll('\n',
      `\n${' '.repeat(ctx.indent)}`);
    ctx.seen.push(object);
    ctx.level = level;
    const output = shape.items ? shape.items(ctx, object, level + 1) : [];
    for (const key of keys)
      output.push(key === 'cause' && kind === 'Error' || key === 'errors' &&
        kind === 'Error' ? `[${key}]: ` + showDescriptor(ctx,
        getOwnPropertyDescriptor(object, key), level + 1)
        : showProperty(ctx, object, key, level + 1));
    ctx.seen.pop();
    const mark = ctx.circular.get(object);
    if (mark !== undefined)
      shape.open = `<ref *${mark}> ${shape.open ?? '{'}`;
    if (output.length === 0)
      return `${shape.base ? `${shape.base} ` : ''}${shape.open}` +
        `${shape.close ?? '}'}`;
    return join(ctx, output, shape, level,
      shape.isArray ? object : undefined);
  }

  function isEmpty(object, kind) {
    if (Array.isArray(object) || typedArrays.test(kind))
      return object.length === 0;
    if (kind === 'Map') return sizeOf(Map, object) === 0;
    if (kind === 'Set') return sizeOf(Set, object) === 0;
    return kind === 'Object';
  }

  function addErrorKeys(error, keys) {
    for (const key of ['cause', 'errors'])
      if (Object.hasOwn(error, key) && !keys.includes(key)) keys.push(key);
  }

  function inspect(value, options) {
    const depth = options?.depth === null ? Infinity
      : options?.depth ?? MAX_DEPTH;
    return show({ depth, indent: 0, level: 0, seen: [], circular: new Map() },
      value, 0, false);
  }

  function asNumber(value, convert) {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'symbol' || typeof value === 'object') return 'NaN';
    return showNumber(convert(value));
  }

  const formats = {
    s: (value) => typeof value === 'string' ? value
      : typeof value === 'object' && value !== null &&
        !hasOwnToString(value) ? inspect(value, { depth: 0 })
        : typeof value === 'bigint' || Object.is(value, -0)
          ? showPrimitive(value) : String(value),
    d: (value) => asNumber(value, Number),
    i: (value) => asNumber(value, (text) => parseInt(text, 10)),
    f: (value) => typeof value === 'symbol' ? 'NaN'
      : showNumber(parseFloat(value)),
    j: (value) => {
      try { return JSON.stringify(value); } catch { return '[Circular]'; }
    },
    o: (value) => inspect(value, { depth: 4 }),
    O: (value) => inspect(value),
    c: () => '',
  };

  function hasOwnToString(value) {
    const { toString } = value;
    return typeof toString === 'function' &&
      toString !== Object.prototype.toString &&
      toString !== Array.prototype.toString &&
      toString !== Error.prototype.toString;
  }

  function format(args) {
    let used = 0;
    let text = '';
    if (typeof args[0] === 'string') {
      used = 1;
      text = args[0];
      if (args.length > 1) text = text.replace(/%([sdifjoOc%])/g,
        (whole, letter) => letter === '%' ? '%'
          : used < args.length ? formats[letter](args[used++]) : whole);
    }
    for (let i = used; i < args.length; i++) {
      if (i > 0) text += ' ';
      text += typeof args[i] === 'string' ? args[i] : inspect(args[i]);
    }
    return text;
  }

  let indent = '';
  const timers = new Map();
  const counts = new Map();

  function put(fd, text) {
    if (indent !== '') text = indent + text.replaceAll('\n', `\n${indent}`);
    native.write(fd, `${text}\n`);
  }

  function elapsed(label) {
    const start = timers.get(label);
    if (start === undefined) {
      put(2, `Warning: No such label '${label}' for console.time`);
      return undefined;
    }
    const ms = performance.now() - start;
    return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s`
      : `${Number(ms.toFixed(3))}ms`;
  }

  function drawTable(head, rows) {
    const widths = head.map((title, i) => Math.max(title.length,
      ...rows.map((row) => row[i].length)) + 2);
    const line = (left, middle, right) => left +
      widths.map((width) => '─'.repeat(width)).join(middle) + right;
    const row = (cells) => `│${cells.map((cell, i) =>
      ` ${cell}`.padEnd(widths[i])).join('│')}│`;
    return [line('┌', '┬', '┐'), row(head), line('├', '┼', '┤'),
      ...rows.map(row), line('└', '┴', '┘')].join('\n');
  }

  function tableRows(data) {
    const kind = native.classOf(data);
    if (kind === 'Map') return { index: '(iteration index)', isMap: true,
      rows: [...data].map(([key, value], i) => [String(i), value, key]) };
    if (kind === 'Set') return { index: '(iteration index)',
      rows: [...data].map((value, i) => [String(i), value]) };
    return { index: '(index)',
      rows: Object.keys(data).map((key) => [key, data[key]]) };
  }

  function table(data, properties) {
    if (data === null || typeof data !== 'object') return console.log(data);
    const { index, rows, isMap } = tableRows(data);
    const cell = (value) => inspect(value, { depth: 0 });
    const keys = [];
    let hasValues = false;
    for (const [, value] of rows) {
      if (value === null || typeof value !== 'object' || isMap) {
        hasValues = true;
        continue;
      }
      for (const key of Object.keys(value))
        if (!keys.includes(key)) keys.push(key);
    }
    const shown = properties ?? keys;
    const head = [index, ...(isMap ? ['Key'] : []), ...shown,
      ...(hasValues ? ['Values'] : [])];
    put(1, drawTable(head, rows.map(([label, value, key]) => {
      const isObject = value !== null && typeof value === 'object' && !isMap;
      return [label, ...(isMap ? [cell(key)] : []),
        ...shown.map((name) => isObject && Object.hasOwn(value, name)
          ? cell(value[name]) : ''),
        ...(hasValues ? [isObject ? '' : cell(value)] : [])];
    })));
  }

  const console = {
    log: (...args) => put(1, format(args)),
    warn: (...args) => put(2, format(args)),
    dir: (value, options) => put(1, inspect(value, options)),
    time: (label = 'default') => {
      if (timers.has(label))
        return put(2, `Warning: Label '${label}' already exists for ` +
          'console.time()');
      timers.set(label, performance.now());
    },
    timeLog: (label = 'default', ...data) => {
      const text = elapsed(label);
      if (text !== undefined)
        put(1, format([`${label}: ${text}`, ...data]));
    },
    timeEnd: (label = 'default') => {
      const text = elapsed(label);
      if (text !== undefined) put(1, `${label}: ${text}`);
      timers.delete(label);
    },
    count: (label = 'default') => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      put(1, `${label}: ${counts.get(label)}`);
    },
    countReset: (label = 'default') => { counts.delete(label); },
    group: (...args) => {
      if (args.length > 0) put(1, format(args));
      indent += '  ';
    },
    groupEnd: () => { indent = indent.slice(2); },
    assert: (isTrue, ...args) => {
      if (isTrue) return;
      if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
      else args.unshift(args.length > 0 ? 'Assertion failed:'
        : 'Assertion failed');
      put(2, format(args));
    },
    trace: (...args) => {
      const stack = stackOf(new Error());
      put(2, `Trace${args.length > 0 ? `: ${format(args)}` : ''}\n` +
        stack.replace(/\n$/, ''));
    },
    table,
  };
  Object.assign(console, { info: console.log, debug: console.log,
    error: console.warn, dirxml: console.log,
    groupCollapsed: console.group });
  // Is JSON the whole of a value? Deep ones are taken for none.
  function isPlain(value, depth = 0) {
    if (value === null || typeof value === 'boolean') return true;
    if (typeof value === 'string') return value.isWellFormed();
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0);
    if (typeof value !== 'object' || depth > 20 ||
        native.proxyTarget(value) !== undefined) return false;
    const isArray = Array.isArray(value);
    if (!isArray && native.classOf(value) !== 'Object' ||
        getPrototypeOf(value) !== (isArray ? Array : Object).prototype ||
        typeof value.toJSON === 'function') return false;
    const keys = Reflect.ownKeys(value);
    if (keys.length > 1000 || isArray && keys.length !== value.length + 1)
      return false;
    for (const key of keys) {
      if (isArray && key === 'length') continue;
      const found = getOwnPropertyDescriptor(value, key);
      if (typeof key === 'symbol' || !found.enumerable || found.get ||
          found.set || !isPlain(found.value, depth + 1)) return false;
    }
    return true;
  }

  inspect.custom = customSymbol;
  inspect.defaultOptions = {};
  return { console, inspect, format, isPlain: (value) => isPlain(value) };
})
