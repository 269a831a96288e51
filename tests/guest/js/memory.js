// stderr: denied memory.grow
// Memory that runs out is an error too.
const hoard = [];
try {
  for (;;) hoard.push(new Uint8Array(16 << 20).fill(1));
} catch (e) {
  const count = hoard.length;
  hoard.length = 0;
  console.log(e.name, e.message, count > 2);
}
