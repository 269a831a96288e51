// run: -e CODE one "two words"
console.log(scriptArgs);
console.log(process.argv.slice(1));
