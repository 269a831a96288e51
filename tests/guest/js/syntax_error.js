// status: 1
// stderr: Uncaught SyntaxError:
console.log('never';
