// same as node
const p = new URLSearchParams('?a=1&b=2&a=3&c=%20x+y&d&=e&%zz=%41');
console.log(p.size, String(p));
console.log(p.get('a'), p.getAll('a'), p.get('none'), p.has('b'), p.has('a', '3'), p.has('a', '9'));
p.set('a', 'new'); p.delete('b'); p.append('z', 'ü€😀&=+ *-._~');
console.log(String(p));
p.sort();
console.log([...p], [...p.keys()], [...p.values()]);
p.forEach((value, key) => console.log(key, value));
console.log(String(new URLSearchParams({ a: 1, b: 'x y' })), String(new URLSearchParams([['q', '1'], ['q', '2']])));
console.log(String(new URLSearchParams(new URLSearchParams('m=1'))), new URLSearchParams());
