// Change the data that was given to read only, by every call that can.
let changed = 0;

function attempt(what, hasWorked) {
  console.log(`  ${what}: ${hasWorked ? 'SUCCEEDED' : 'refused'}`);
  if (hasWorked) changed++;
}

const path = '/data/sales.csv';
const opened = (flags) => {
  const fd = os.open(path, flags);
  if (fd >= 0) os.close(fd);
  return fd >= 0;
};
attempt('open it for writing', opened(os.O_RDWR));
attempt('truncate it', opened(os.O_WRONLY | os.O_TRUNC));
attempt('append to it', opened(os.O_WRONLY | os.O_APPEND));
attempt('remove it', os.remove(path) === 0);
attempt('rename it', os.rename(path, '/data/gone.csv') === 0);
attempt('move it away', os.rename(path, '/out/gone.csv') === 0);
attempt('put a file beside it', std.open('/data/extra.csv', 'w') !== null);
attempt('change its times', os.utimes(path, 0, 0) === 0);
attempt('make a folder there', os.mkdir('/data/folder') === 0);
std.exit(changed > 0 ? 3 : 0);
