// status: 1
// stderr: Uncaught { code: 5 }\n
throw { code: 5 };
