// same as node
const show = (input, base) => {
  try { console.log(new URL(input, base).href); } catch (e) { console.log(e.name, e.code); }
};
for (const url of ['http://EXAMPLE.com:80/a/../b/./c?x=1#f', 'https://u:p@h.com:8443/', 'http://h',
  'http:h/x', 'HTTP://h\\a\\b', 'http://h/%7Ea b"<>`{}', 'http://h/?q=a b\'"#f r', 'file:///C:/a/../b',
  'mailto:a@b.c', 'data:text/plain,hi there', 'http://[::1]:80/', 'http://[1:0:0:2::3]/', 'http://0x7f.1/',
  'http://017700000001/', 'http://256.1.1.1/', 'http://1.2.3.4.5/', 'http://h:99999/', 'http://', 'nonsense',
  '//h/x', 'http://a b/', 'http://h/..', 'http://h/a/..', 'http://h/a/.', 'http://h/%2e%2e/x', 'foo://h/a/../b',
  'foo:bar/../baz', 'http://user@/x', 'http://h:/x', 'ws://h:80/', 'http://h//a///b', 'http://exa%6dple.org/',
  'http://h/\u00fc?\u00fc#\u00fc', '  http://h/  ', 'ht\ntp://h/']) show(url);
for (const relative of ['x', './x', '../x', '/x', '//other/x', '?q', '#f', '', 'http:x', 'https:x', '../../../x',
  'x/../y?z', 'mailto:z', '\\x', '?', '#']) show(relative, 'http://h/a/b/c?query#hash');
const url = new URL('https://user:pass@sub.example.com:8080/p/a/t/h?query=string&a=1#hash');
console.log(url);
for (const [key, value] of [['protocol', 'http'], ['hostname', 'NEW.org'], ['port', '80'], ['pathname', 'x y'],
  ['search', 'k=v w'], ['hash', 'h h'], ['username', 'n@e'], ['password', ''], ['host', 'h:90'], ['port', 'bad'],
  ['search', ''], ['hash', '']]) { url[key] = value; console.log(key, url.href); }
url.searchParams.append('added', 'a&b=c d');
console.log(url.search, String(url), JSON.stringify({ url }));
url.search = '?x=1&x=2';
console.log(url.searchParams.getAll('x'));
console.log(URL.canParse('http://h'), URL.canParse('x'));
console.log(new URL('http://h').origin, new URL('file:///x').origin, new URL('foo://h').origin);
