// Looks at a page in a real browser, as a reader does, and writes down what there is to see as JSON.
// usage: node look.mjs CHROMIUM PAGE.html FOLDER_FOR_PICTURES [axe]
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The packages are where npm has put them, beside the working directory's package.json.
const require = createRequire(join(process.cwd(), 'package.json'));
const puppeteer = require('puppeteer-core');
const [chromium, file, pictures, withAxe] = process.argv.slice(2);
const axe = withAxe ? readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8') : '';
const url = pathToFileURL(file).href;
const seen = { faults: [], requests: [], violations: [] };

const browser = await puppeteer.launch({ executablePath: chromium, protocolTimeout: 600000, args: ['--no-sandbox', '--disable-gpu'] });

async function open(options) {
	const page = await browser.newPage();
	page.on('dialog', async (d) => { seen.faults.push('a dialog opened: ' + d.message()); await d.dismiss(); });
	page.on('pageerror', (e) => seen.faults.push('the script failed: ' + e.message));
	page.on('console', (m) => { if (m.type() === 'error') { seen.faults.push('the console says: ' + m.text()); } });
	page.on('request', (r) => { if (r.url() !== url) { seen.requests.push(r.url()); } });
	await page.setViewport({ width: options.width, height: 900 });
	await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: options.scheme }]);
	await page.setJavaScriptEnabled(options.scripts !== false);
	await page.goto(url);
	return page;
}

const rowsShown = () => Array.from(document.querySelectorAll('#accounts tbody tr')).filter((r) => r.getClientRects().length > 0 && r.offsetWidth > 300 && r.offsetHeight > 10).map((r) => Array.from(r.cells, (c) => c.textContent.trim()));

for (const look of [{ name: 'light', width: 1280, scheme: 'light' }, { name: 'dark', width: 1280, scheme: 'dark' }, { name: 'phone', width: 390, scheme: 'light' }]) {
	const page = await open(look);
	await page.screenshot({ path: join(pictures, look.name + '.png'), fullPage: Boolean(withAxe) });
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	if (wide > 0) { seen.faults.push(look.name + ': the page is ' + wide + ' pixels wider than the window'); }
	if (axe) {
		await page.evaluate(axe);
		const result = await page.evaluate(() => axe.run());
		seen.violations.push(...result.violations.map((v) => look.name + ': ' + v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150)).join(' | ')));
	}
	await page.close();
}

const page = await open({ width: 1280, scheme: 'light' });
seen.names = await page.evaluate(() => Array.from(document.querySelectorAll('#accounts tbody th'), (c) => c.textContent));
seen.scripts = await page.evaluate(() => Array.from(document.querySelectorAll('pre'), (p) => p.textContent));
seen.elements = await page.evaluate(() => document.querySelectorAll('img, iframe, object, embed, link, form, [onerror], [onclick], [style]').length);
const column = (text) => page.evaluateHandle((text) => Array.from(document.querySelectorAll('#accounts thead button')).find((b) => b.textContent === text), text);
for (const [key, clicks] of [['ascending', 1], ['descending', 1]]) {
	const head = await column('Idle, days');
	const begun = Date.now();
	for (let n = 0; n < clicks; n++) { await head.evaluate((b) => b.click()); }
	seen[key] = (await page.evaluate(rowsShown)).map((r) => r[6]);
	seen[key + 'Milliseconds'] = Date.now() - begun;
}
const begun = Date.now();
await page.type('#wanted', 'ROLE_00002');
seen.filtered = (await page.evaluate(rowsShown)).map((r) => r[0]);
seen.filterMilliseconds = Date.now() - begun;
await page.select('#kind', 'exempt');
seen.filteredTwice = (await page.evaluate(rowsShown)).map((r) => r[9]);
seen.told = await page.evaluate(() => document.getElementById('shown').textContent);
await page.close();

const still = await open({ width: 1280, scheme: 'light', scripts: false });
seen.withoutScripts = (await still.evaluate(rowsShown)).length;
seen.controlsWithoutScripts = await still.evaluate(() => Array.from(document.querySelectorAll('.scripted')).filter((e) => e.offsetParent !== null).length);
await still.close();

if (axe) {
	const paper = await open({ width: 1280, scheme: 'dark' });
	const pdf = await paper.pdf({ path: join(pictures, 'page.pdf'), preferCSSPageSize: true, printBackground: true, timeout: 600000 });
	seen.sheets = (Buffer.from(pdf).toString('latin1').match(/\/Type\s*\/Page\b/g) || []).length;
}
await browser.close();
console.log(JSON.stringify(seen));
