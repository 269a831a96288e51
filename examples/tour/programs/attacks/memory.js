// Take all memory there is.
const hoard = [];
const step = 8 << 20;
try {
  for (;;) hoard.push(new Uint8Array(step).fill(1));
} catch (error) {
  console.log(`  ${hoard.length * 8} MiB taken, then: ${error.message}`);
}
std.exit(hoard.length * step >= 64 << 20 ? 3 : 0);
