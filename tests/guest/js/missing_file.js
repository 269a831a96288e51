// run: /nowhere/missing.js
// status: 1
// stderr: js: '/nowhere/missing.js': No such file or directory\n
