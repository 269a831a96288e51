// node:events.
(function () {
  'use strict';

  class EventEmitter {
    static defaultMaxListeners = 10;
    #listeners = new Map(); // name to a list of {listener, once}
    #add(name, listener, once, isFirst) {
      if (typeof listener !== 'function')
        throw new TypeError('The "listener" argument must be of type ' +
          `function. Received ${typeof listener}`);
      if (name !== 'newListener' && this.#listeners.has('newListener'))
        this.emit('newListener', name, listener);
      const list = this.#listeners.get(name) ?? [];
      const entry = { listener, once };
      this.#listeners.set(name, isFirst ? [entry, ...list] : [...list, entry]);
      return this;
    }
    on(name, listener) { return this.#add(name, listener, false); }
    addListener(name, listener) { return this.on(name, listener); }
    once(name, listener) { return this.#add(name, listener, true); }
    prependListener(name, listener) {
      return this.#add(name, listener, false, true);
    }
    prependOnceListener(name, listener) {
      return this.#add(name, listener, true, true);
    }
    off(name, listener) {
      const list = this.#listeners.get(name) ?? [];
      const at = list.findLastIndex((entry) => entry.listener === listener);
      if (at < 0) return this;
      if (list.length === 1) this.#listeners.delete(name);
      else this.#listeners.set(name, list.toSpliced(at, 1));
      return this;
    }
    removeListener(name, listener) { return this.off(name, listener); }
    removeAllListeners(name) {
      if (name === undefined) this.#listeners.clear();
      else this.#listeners.delete(name);
      return this;
    }
    emit(name, ...args) {
      const list = this.#listeners.get(name);
      if (list === undefined) {
        if (name !== 'error') return false;
        if (args[0] instanceof Error) throw args[0];
        throw Object.assign(new Error(`Unhandled error. (${String(args[0])})`),
          { code: 'ERR_UNHANDLED_ERROR', context: args[0] });
      }
      for (const { listener, once } of list) {
        if (once) this.off(name, listener);
        listener.apply(this, args);
      }
      return true;
    }
    listeners(name) {
      return (this.#listeners.get(name) ?? []).map((entry) => entry.listener);
    }
    rawListeners(name) { return this.listeners(name); }
    listenerCount(name) { return this.#listeners.get(name)?.length ?? 0; }
    eventNames() { return [...this.#listeners.keys()]; }
    setMaxListeners() { return this; }
    getMaxListeners() { return EventEmitter.defaultMaxListeners; }
  }

  function once(emitter, name) {
    return new Promise((resolve, reject) => {
      const fail = (error) => { emitter.off(name, done); reject(error); };
      const done = (...args) => { emitter.off('error', fail); resolve(args); };
      emitter.once(name, done);
      if (name !== 'error') emitter.once('error', fail);
    });
  }

  async function* on(emitter, name) {
    const waiting = [];
    let wake = () => {};
    let failure;
    const take = (...args) => { waiting.push(args); wake(); };
    const fail = (error) => { failure = { error }; wake(); };
    emitter.on(name, take).on('error', fail);
    try {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift();
        if (failure) throw failure.error;
        await new Promise((resolve) => { wake = resolve; });
      }
    } finally {
      emitter.off(name, take).off('error', fail);
    }
  }

  Object.assign(EventEmitter, { EventEmitter, once, on });
  return { EventEmitter };
})
