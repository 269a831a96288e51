// server
const base = scriptArgs[1];
let r = await fetch(`${base}/a?b=c`, { method: 'POST', headers: { 'X-Test': 'yes' }, body: JSON.stringify({ k: 'ü' }) });
console.log(r.ok, r.status, r.statusText, r.url === `${base}/a?b=c`, r.redirected, r.headers.get('X-MULTI'));
console.log(await r.json());
r = await fetch(`${base}/redirect`);
console.log(r.redirected, r.url === `${base}/landed`, r.status);
r = await fetch(`${base}/redirect`, { redirect: 'manual' });
console.log(r.status, r.headers.get('location'));
await fetch(`${base}/redirect`, { redirect: 'error' }).catch((e) => console.log(e.name, e.code));
r = await fetch(`${base}/missing`);
console.log(r.ok, r.status, r.statusText, (await r.text()).length > 10);
r = await fetch(new URL('/large', base));
console.log((await r.bytes()).length);
r = await fetch(`${base}/x`, { method: 'HEAD' });
console.log(r.status, (await r.text()).length);
r = await fetch(new Request(`${base}/x`, { method: 'PUT', body: new Uint8Array([104, 105]) }));
const twin = r.clone();
console.log((await r.json()).body, (await twin.json()).method);
await fetch(`${base}/slow`, { signal: AbortSignal.timeout(50) }).catch((e) => console.log(e.name));
console.log((await Promise.all([1, 2, 3].map((i) => fetch(`${base}/${i}`).then((r) => r.json())))).map((x) => x.path));
// More responses than may be open, read long after they came.
const many = [];
for (let i = 0; i < 40; i++) many.push(await fetch(`${base}/many${i}`));
console.log((await Promise.all(many.map((r) => r.json()))).every((x, i) => x.path === `/many${i}`));
console.log((await fetch(`${base}/form`, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) }).then((r) => r.json())));
