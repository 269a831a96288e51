// Read a file of the host: by .., by absolute paths, and through symbolic
// links planted in the one folder this program may write to.
let escaped = 0;

function attempt(path) {
  const text = std.loadFile(path);
  if (text === null) return console.log(`  read ${path}: refused`);
  escaped++;
  return console.log(`  read ${path}: SUCCEEDED, ${text.length} characters`);
}

for (const path of ['/data/../../../../../etc/passwd',
  '/out/../../../../../etc/passwd', '/etc/passwd', '/proc/self/environ'])
  attempt(path);

for (const target of ['/etc/passwd', '../../../../../../../../etc/passwd',
  '../policy.yaml']) {
  os.remove('/out/planted');
  const planted = os.symlink(target, '/out/planted');
  console.log(`  link /out/planted to ${target}: ` +
    (planted === 0 ? 'made' : 'refused'));
  if (planted === 0) attempt('/out/planted');
}
os.remove('/out/planted');
std.exit(escaped > 0 ? 3 : 0);
