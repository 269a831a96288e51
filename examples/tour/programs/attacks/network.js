// Reach what a policy for the public web must not reach: the cloud's metadata
// service and this machine itself, each under several spellings.
const urls = ['http://169.254.169.254/latest/meta-data/iam/',
  'http://2852039166/', 'http://0xa9.0xfe.0xa9.0xfe/',
  'http://[::ffff:169.254.169.254]/', 'http://localhost/',
  'http://127.0.0.1/', 'http://[::1]/', 'file:///etc/passwd'];
let reached = 0;

for (const url of urls) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(500) });
    reached++;
    console.log(`  fetch ${url}: SUCCEEDED, status ${response.status}`);
  } catch (error) {
    console.log(`  fetch ${url}: refused`);
  }
}
std.exit(reached > 0 ? 3 : 0);
