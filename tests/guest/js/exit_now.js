// status: 3
console.log('flushed');
std.exit(3);
console.log('never');
