// node:assert.
(function (native) {
  'use strict';

  const { inspect } = native.part('console');
  const { same } = native.part('util');

  class AssertionError extends Error {
    constructor({ message, actual, expected, operator }) {
      super(message);
      Object.defineProperty(this, 'name', { value: 'AssertionError',
        configurable: true, writable: true });
      Object.assign(this, { generatedMessage: false, code: 'ERR_ASSERTION',
        actual, expected, operator });
    }
  }

  const names = { strictEqual: 'Expected values to be strictly equal:',
    notStrictEqual: 'Expected "actual" to be strictly unequal to:',
    deepStrictEqual: 'Expected values to be strictly deep-equal:',
    notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
    equal: 'Expected values to be loosely equal:',
    notEqual: 'Expected "actual" to be loosely unequal to:',
    deepEqual: 'Expected values to be loosely deep-equal:',
    notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:' };

  function refuse(operator, message, actual, expected) {
    if (message instanceof Error) throw message;
    throw new AssertionError({ actual, expected, operator, message: message ??
      `${names[operator] ?? 'Assertion failed'}\n\n${inspect(actual)} !== ` +
      `${inspect(expected)}\n` });
  }

  function ok(...args) {
    const [value, message] = args;
    if (value) return;
    if (message instanceof Error) throw message;
    throw new AssertionError({ actual: value, expected: true, operator: '==',
      message: message ?? (args.length === 0
        ? 'No value argument passed to `assert.ok()`'
        : `The expression evaluated to a falsy value: ${inspect(value)}`) });
  }

  const compare = (operator, test) => (actual, expected, message) => {
    if (!test(actual, expected)) refuse(operator, message, actual, expected);
  };
  const deep = (isStrict) => (a, b) => same(a, b, [], isStrict);

  function matches(error, expected, message) {
    if (expected === undefined || typeof expected === 'string') return;
    if (typeof expected === 'function') {
      if (expected.prototype !== undefined && error instanceof expected) return;
      if (!Error.isPrototypeOf(expected) && expected !== Error &&
          expected.call({}, error) === true) return;
      refuse('throws', message ?? `The error is expected to be as ${
        inspect(expected)} says, got:\n\n${inspect(error)}\n`, error,
      expected);
    }
    const isMatch = (value, wanted) => wanted instanceof RegExp
      ? wanted.test(String(value)) : same(value, wanted, [], true);
    if (expected instanceof RegExp) {
      if (expected.test(String(error))) return;
      refuse('throws', message ?? 'The input did not match the regular ' +
        `expression ${inspect(expected)}. Input:\n\n${inspect(String(error))}\n`,
      error, expected);
    }
    for (const key of Object.keys(expected).concat(expected instanceof Error
      ? ['name', 'message'] : []))
      if (!isMatch(error?.[key], expected[key]))
        refuse('throws', message ?? `Expected the error's ${key} to be ` +
          `${inspect(expected[key])}, got ${inspect(error?.[key])}`, error,
        expected);
  }

  const missing = (expected, message, what) => new AssertionError({
    operator: 'throws', message: `Missing expected ${what}` +
      (typeof expected === 'function' && expected.name
        ? ` (${expected.name})` : '') +
      (message ?? (typeof expected === 'string' ? expected : undefined) ===
        undefined ? '.' : `: ${message ?? expected}`) });

  function throws(run, expected, message) {
    try {
      run();
    } catch (error) {
      matches(error, expected, message);
      return;
    }
    throw missing(expected, message, 'exception');
  }

  async function rejects(run, expected, message) {
    try {
      await (typeof run === 'function' ? run() : run);
    } catch (error) {
      matches(error, expected, message);
      return;
    }
    throw missing(expected, message, 'rejection');
  }

  function match(text, pattern, message) {
    if (typeof text !== 'string' || !pattern.test(text))
      refuse('match', message ?? 'The input did not match the regular ' +
        `expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`, text,
      pattern);
  }

  const methods = { ok, AssertionError, throws, rejects, match,
    fail: (message = 'Failed') => {
      if (message instanceof Error) throw message;
      throw new AssertionError({ message, operator: 'fail' });
    },
    ifError: (error) => { if (error !== null && error !== undefined)
      throw error; },
    doesNotThrow: (run) => { run(); },
    doesNotReject: async (run) => {
      await (typeof run === 'function' ? run() : run);
    },
    doesNotMatch: (text, pattern, message) => {
      if (pattern.test(text))
        refuse('doesNotMatch', message ?? `The input was expected to not ` +
          `match the regular expression ${inspect(pattern)}`, text, pattern);
    },
    strictEqual: compare('strictEqual', Object.is),
    notStrictEqual: compare('notStrictEqual', (a, b) => !Object.is(a, b)),
    deepStrictEqual: compare('deepStrictEqual', deep(true)),
    notDeepStrictEqual: compare('notDeepStrictEqual', (a, b) =>
      !deep(true)(a, b)) };
  const loose = (a, b) => a == b || a !== a && b !== b; // eslint-disable-line
  const assert = Object.assign((...args) => ok(...args), methods, {
    equal: compare('equal', loose),
    notEqual: compare('notEqual', (a, b) => !loose(a, b)),
    deepEqual: compare('deepEqual', deep(false)),
    notDeepEqual: compare('notDeepEqual', (a, b) => !deep(false)(a, b)) });
  assert.strict = Object.assign((...args) => ok(...args), methods, {
    equal: methods.strictEqual, notEqual: methods.notStrictEqual,
    deepEqual: methods.deepStrictEqual,
    notDeepEqual: methods.notDeepStrictEqual });
  assert.strict.strict = assert.strict;
  return { assert };
})
