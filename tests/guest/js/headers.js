// same as node
const h = new Headers({ 'Content-Type': 'text/html', 'X-A': ' padded ' });
h.append('x-a', 'two');
h.append('Set-Cookie', 'a=1');
h.append('set-cookie', 'b=2');
console.log(h.get('CONTENT-TYPE'), h.get('x-a'), h.get('none'), h.has('X-a'), h.getSetCookie());
console.log([...h], [...h.keys()]);
h.delete('x-a');
h.set('b', '1');
h.forEach((value, name) => console.log(name, value));
for (const bad of [['a b', 'x'], ['a', 'x\ny'], ['', 'x']]) {
  try { new Headers([bad]); console.log('made'); } catch (e) { console.log(e.name); }
}
const response = new Response('{"a":1}', { status: 201, headers: { 'x-y': 'z' } });
console.log(response.ok, response.status, response.bodyUsed, response.headers.get('content-type'));
const twin = response.clone();
(async () => {
  console.log(await response.json(), response.bodyUsed);
  try { await response.text(); } catch (e) { console.log(e.name); }
  console.log(new Uint8Array(await twin.arrayBuffer()).length);
  console.log(await Response.json({ b: 2 }).text(), await new Response().text());
  const request = new Request('http://h/x', { method: 'post', body: new URLSearchParams({ a: 'b c' }) });
  console.log(request.method, request.url, request.headers.get('content-type'), await request.text());
  for (const init of [{ body: 'x' }, { method: 'a b' }]) {
    try { new Request('http://h/', init); } catch (e) { console.log(e.name); }
  }
  try { new Request('relative'); } catch (e) { console.log(e.name); }
})();
