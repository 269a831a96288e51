// status: 13
// stderr: can no longer happen
await new Promise(() => {});
