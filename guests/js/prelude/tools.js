// The tools of the box as functions:
//
//     tools.file_read({ path: 'a.txt' })    the tool file-read; a text or,
//     tools.file_read('a.txt')              when it is structured, an object
//     tools.call('file-read', { path })     by its name
//     tools.result('file-read', { path })   {content, is_error, metadata}
//     tools.list()                          what there is, with input schemas
(function (native) {
  'use strict';

  const { stringify, parse } = JSON;
  const known = new Map(); // name to tool, as far as they were asked for

  class ToolError extends Error {
    constructor(message, tool, result) {
      super(message);
      Object.defineProperty(this, 'name', { value: 'ToolError',
        configurable: true, writable: true });
      const hide = (name, value) => Object.defineProperty(this, name,
        { value, configurable: true, writable: true });
      hide('tool', tool);
      hide('result', result);
      hide('metadata', result?.metadata ?? {});
    }
  }

  // What the host refuses becomes a ToolError with its code.
  function ask(name, run) {
    try {
      return run();
    } catch (error) {
      if (typeof error?.code !== 'string') throw error;
      const failure = new ToolError(
        name === undefined ? error.message : `${name}: ${error.message}`, name);
      Object.defineProperty(failure, 'code', { value: error.code,
        configurable: true, writable: true });
      throw failure;
    }
  }

  function list() {
    const found = parse(ask(undefined, () => native.toolList()));
    known.clear();
    for (const tool of found) known.set(tool.name, tool);
    return found;
  }

  function textOf(content) {
    if (content === undefined || content === null) return '';
    if (!Array.isArray(content)) return content;
    if (!content.every((block) => block?.type === 'text')) return content;
    return content.map((block) => block.text ?? '').join('\n');
  }

  function result(name, input = {}) {
    if (input === null || typeof input !== 'object' || Array.isArray(input))
      throw new TypeError(`tools: '${name}': expected the input as an object,` +
        ` got ${input === null ? 'null' : Array.isArray(input) ? 'an array'
          : typeof input}`);
    const text = stringify(input);
    if (text === undefined || !text.startsWith('{'))
      throw new TypeError(`tools: '${name}': the input is no JSON object`);
    return parse(ask(name, () => native.toolCall(String(name), text)));
  }

  function call(name, input) {
    const found = result(name, input);
    const content = textOf(found.content);
    if (found.is_error)
      throw new ToolError(`${name}: ${typeof content === 'string' ? content
        : stringify(content)}`, name, found);
    return found.structured ?? content;
  }

  // The tool a property means: its name, or that with dashes.
  function find(property) {
    for (const name of [property, property.replaceAll('_', '-')])
      if (known.has(name)) return known.get(name);
    for (const [name, tool] of known)
      if (name.replaceAll('-', '_') === property) return tool;
    return undefined;
  }

  function get(property) {
    const tool = find(property) ?? (list(), find(property));
    if (tool !== undefined) return tool;
    throw new ToolError(`there is no tool '${property}'; those that may be ` +
      `called: ${[...known.keys()].sort().join(', ') || 'none'}`, property);
  }

  // By position: properties of the input, required ones first.
  function inputOf(tool, args) {
    if (args.length === 0) return {};
    if (args.length === 1 && args[0] !== null && typeof args[0] === 'object' &&
        !Array.isArray(args[0])) return args[0];
    const properties = Object.keys(tool.input_schema?.properties ?? {});
    const required = (tool.input_schema?.required ?? [])
      .filter((name) => properties.includes(name));
    const order = [...required,
      ...properties.filter((name) => !required.includes(name))];
    if (args.length > order.length)
      throw new TypeError(`tools: '${tool.name}' takes at most ` +
        `${order.length} arguments: ${order.join(', ')}`);
    return Object.fromEntries(args.map((value, i) => [order[i], value])
      .filter(([, value]) => value !== undefined));
  }

  const own = { call, result, list, ToolError };
  const functions = new Map();

  function functionOf(property) {
    if (!functions.has(property)) {
      const run = (...args) => {
        const tool = get(property);
        return call(tool.name, inputOf(tool, args));
      };
      Object.defineProperty(run, 'name', { value: property });
      functions.set(property, run);
    }
    return functions.get(property);
  }

  function names() {
    if (known.size === 0) list();
    return [...known.keys()].map((name) => name.replaceAll('-', '_'));
  }

  const tools = new Proxy(own, {
    get(target, property) {
      if (typeof property !== 'string' || property in target)
        return target[property];
      // What is asked of any object, by await and JSON.stringify.
      if (property === 'then' || property === 'toJSON') return undefined;
      return functionOf(property);
    },
    has: (target, property) => property in target ||
      typeof property === 'string' && names().includes(property),
    ownKeys: (target) => [...new Set([...Reflect.ownKeys(target),
      ...names()])],
    getOwnPropertyDescriptor(target, property) {
      return Object.getOwnPropertyDescriptor(target, property) ??
        (typeof property === 'string' && names().includes(property)
          ? { value: functionOf(property), configurable: true,
            enumerable: true } : undefined);
    },
  });

  return { tools, ToolError };
})
