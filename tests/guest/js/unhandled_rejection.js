// status: 1
// stderr: Uncaught (in promise) Error: nobody listens\n
setTimeout(() => console.log('never'), 1000);
Promise.reject(new Error('nobody listens'));
Promise.reject(new Error('somebody does')).catch(() => console.log('caught'));
