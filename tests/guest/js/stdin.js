// run: -e CODE
// stdin: first\nsecond\n
console.log(std.in.getline());
console.log(JSON.stringify(std.in.readAsString()));
