// same as node
const crypto = require('crypto');
const long = 'x'.repeat(1000);
for (const name of ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])
  for (const text of ['', 'abc', 'é'.repeat(27) + 'a', 'y'.repeat(55), 'y'.repeat(56), 'y'.repeat(64), 'y'.repeat(111), 'y'.repeat(112), 'y'.repeat(128), long])
    console.log(name, text.length, crypto.createHash(name).update(text).digest('hex'));
const h = crypto.createHash('sha256').update('a').update(Buffer.from('b'));
console.log(h.copy().update('c').digest('base64'), h.digest('hex'));
try { h.update('x'); } catch (e) { console.log(e.code); }
try { crypto.createHash('none'); } catch (e) { console.log(e.name); }
try { crypto.createHash('md5').update(5); } catch (e) { console.log(e.code); }
console.log(crypto.createHmac('sha256', 'key').update('data').digest('hex'), crypto.createHmac('sha512', Buffer.alloc(300, 1)).update('').digest('base64'), crypto.createHmac('md5', '').update('x').digest('hex'));
console.log(crypto.randomBytes(70000).length, crypto.randomUUID().length, crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a')), crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('b')));
const n = crypto.randomInt(5, 8); console.log(n >= 5 && n < 8, crypto.randomInt(1));
