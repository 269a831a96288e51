// status: 1
// stderr: Uncaught TypeError: went wrong\n    at inner ([stdin]:5:
console.log('before');
function inner() {
  throw new TypeError('went wrong');
}
inner();
console.log('never');
