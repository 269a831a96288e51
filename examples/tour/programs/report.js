// A year of sales as a report: read /data/sales.csv, add it up, print a table
// and leave the figures in /out/report.json.

function parseLine(line) {
  const fields = [];
  for (const [, quoted, plain] of line.matchAll(/"([^"]*)",?|([^,]+),?/g))
    fields.push(quoted ?? plain);
  return fields;
}

function* readRows(path) {
  const file = std.open(path, 'r');
  if (file === null) throw new Error(`'${path}' cannot be opened`);
  const names = parseLine(file.getline());
  for (let line; (line = file.getline()) !== null;) {
    const fields = parseLine(line);
    yield Object.fromEntries(names.map((name, i) => [name, fields[i]]));
  }
  file.close();
}

function add(totals, key, amount) {
  totals.set(key, (totals.get(key) ?? 0) + amount);
}

function byAmount(totals) {
  return [...totals].sort(([, a], [, b]) => b - a);
}

const money = (cents) => (cents / 100).toFixed(2)
  .replace(/\B(?=(\d{3})+\.)/g, ',');
const bar = (share) => '█'.repeat(Math.round(share * 30));

function print(title, entries) {
  const widest = Math.max(...entries.map(([key]) => key.length));
  const most = Math.max(...entries.map(([, amount]) => amount));
  console.log(`\n  ${title}`);
  for (const [key, amount] of entries)
    console.log(`    ${key.padEnd(widest)} ${money(amount).padStart(12)}  ` +
      bar(amount / most));
}

const regions = new Map();
const products = new Map();
const months = new Map();
let orders = 0;
let revenue = 0;
for (const row of readRows('/data/sales.csv')) {
  const cents = Math.round(Number(row.unit_price) * 100) * Number(row.units);
  orders++;
  revenue += cents;
  add(regions, row.region, cents);
  add(products, row.product, cents);
  add(months, row.date.slice(0, 7), cents);
}

console.log(`  ${orders} orders, revenue ${money(revenue)}, ` +
  `${money(revenue / orders)} an order`);
print('Regions', byAmount(regions));
print('Best products', byAmount(products).slice(0, 5));
print('Months', [...months]);

const report = { orders, revenue_cents: revenue,
  regions: Object.fromEntries(regions),
  products: Object.fromEntries(products),
  months: Object.fromEntries(months) };
std.writeFile('/out/report.json', JSON.stringify(report, null, 2));
console.log('\n  The figures are in /out/report.json.');
