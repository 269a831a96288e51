// run: -p CODE
await Promise.resolve(new Map([[1, 2]]))
