const promise = Promise.reject(new Error('caught in the same turn'));
queueMicrotask(() => promise.catch((e) => console.log(e.message)));
