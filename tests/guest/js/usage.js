// run: --nonsense
// status: 2
// stderr: js: unknown option '--nonsense'; 'js --help' shows what there is\n
