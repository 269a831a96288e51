// status: 7
process.exitCode = 7;
console.log('ends by itself');
