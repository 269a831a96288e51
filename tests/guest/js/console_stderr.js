// stderr: to stderr { a: 1 }\nwarned\nAssertion failed: because 1\nAssertion failed\n
console.error('to stderr', { a: 1 });
console.warn('warned');
console.assert(false, 'because %d', 1);
console.assert(false);
console.log('to stdout');
