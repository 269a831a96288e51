// EventTarget and the signals that end a fetch.
(function (native) {
  'use strict';

  class Event {
    constructor(type, options = {}) {
      this.type = String(type);
      this.cancelable = Boolean(options.cancelable);
      this.defaultPrevented = false;
      this.target = null;
    }
    preventDefault() { if (this.cancelable) this.defaultPrevented = true; }
  }

  class EventTarget {
    #listeners = new Map();
    addEventListener(type, listener, options) {
      if (listener == null) return;
      const list = this.#listeners.get(type) ?? [];
      if (list.some((entry) => entry.listener === listener)) return;
      list.push({ listener, once: Boolean(options?.once) });
      this.#listeners.set(type, list);
    }
    removeEventListener(type, listener) {
      const list = this.#listeners.get(type) ?? [];
      this.#listeners.set(type,
        list.filter((entry) => entry.listener !== listener));
    }
    dispatchEvent(event) {
      event.target = this;
      for (const { listener, once } of [...this.#listeners.get(event.type) ??
          []]) {
        if (once) this.removeEventListener(event.type, listener);
        if (typeof listener === 'function') listener.call(this, event);
        else listener.handleEvent(event);
      }
      if (typeof this[`on${event.type}`] === 'function')
        this[`on${event.type}`](event);
      return !event.defaultPrevented;
    }
  }

  const abort = Symbol('abort');
  const deadline = Symbol('deadline');

  class AbortSignal extends EventTarget {
    #isAborted = false;
    #reason;
    onabort = null;
    constructor(key) {
      super();
      if (key !== abort) throw new TypeError('Illegal constructor');
      Object.defineProperty(this, 'onabort', { enumerable: false });
    }
    // A timeout needs no timer that keeps the program alive: it is looked at
    // when someone asks, and a fetch carries it to the host.
    get aborted() {
      if (this[deadline] <= performance.now()) expire(this);
      return this.#isAborted;
    }
    get reason() { return this.aborted ? this.#reason : undefined; }
    throwIfAborted() { if (this.aborted) throw this.#reason; }
    [abort](reason = new DOMException('This operation was aborted',
        'AbortError')) {
      if (this.#isAborted) return;
      this.#isAborted = true;
      this.#reason = reason;
      this.dispatchEvent(new Event('abort'));
    }
    static abort(reason) {
      const signal = new AbortSignal(abort);
      signal[abort](reason);
      return signal;
    }
    static timeout(ms) {
      const signal = new AbortSignal(abort);
      Object.defineProperty(signal, deadline, { value: performance.now() + ms });
      return signal;
    }
    static any(signals) {
      const all = new AbortSignal(abort);
      for (const signal of signals) {
        if (signal.aborted) all[abort](signal.reason);
        else signal.addEventListener('abort', () => all[abort](signal.reason));
      }
      const ends = signals.map((signal) => signal[deadline])
        .filter((end) => end !== undefined);
      if (ends.length > 0)
        Object.defineProperty(all, deadline, { value: Math.min(...ends) });
      return all;
    }
  }

  class AbortController {
    #signal = new AbortSignal(abort);
    get signal() { return this.#signal; }
    abort(reason) { this.#signal[abort](reason); }
  }

  // Milliseconds a signal leaves; undefined when it sets no time.
  function timeLeft(signal) {
    return signal[deadline] === undefined ? undefined
      : Math.max(0, signal[deadline] - performance.now());
  }

  function expire(signal) {
    signal[abort](new DOMException('The operation was aborted due to timeout',
      'TimeoutError'));
  }

  return { Event, EventTarget, AbortController, AbortSignal, timeLeft, expire };
})
