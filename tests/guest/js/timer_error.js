// status: 1
// stderr: Uncaught Error: in a timer\n
setTimeout(() => { throw new Error('in a timer'); }, 1);
