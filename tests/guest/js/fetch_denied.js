// stderr: denied http_open 'http://203.0.113.5/x'
try {
  await fetch('http://203.0.113.5/x', { method: 'POST', body: 'secret' });
} catch (e) {
  console.log(e.name, e.code, e.message.startsWith('fetch failed: '), e.message.length > 20);
}
const outcomes = await Promise.allSettled([fetch('http://203.0.113.5/x'), fetch('nonsense'),
  fetch('http://203.0.113.5/x', { signal: AbortSignal.abort() })]);
console.log(outcomes.map(({ status, reason }) => `${status} ${reason.name}`));
