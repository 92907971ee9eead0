// Looks at a page in a real browser, as a reader does, and writes down what there is to see as JSON.
// usage: node look.mjs CHROMIUM PAGE.html FOLDER_FOR_PICTURES VISIT
// VISIT is JSON: sorted, the head of a column of numbers; typed, a part of a name; kind, a choice beside it; column, the head of what
// to look at then; axe, whether to ask axe and print.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The packages are where npm has put them, beside the working directory's package.json.
const require = createRequire(join(process.cwd(), 'package.json'));
const puppeteer = require('puppeteer-core');
const [chromium, file, pictures] = process.argv.slice(2);
const visit = JSON.parse(process.argv[5]);
const axe = visit.axe ? readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8') : '';
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
	await page.screenshot({ path: join(pictures, look.name + '.png'), fullPage: visit.axe });
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	if (wide > 0) { seen.faults.push(look.name + ': the page is ' + wide + ' pixels wider than the window'); }
	if (axe) {
		await page.evaluate(axe);
		const result = await page.evaluate(() => axe.run());
		seen.violations.push(...result.violations.map((v) => look.name + ': ' + v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150)).join(' | ')));
	}
	await page.evaluate(() => document.getElementById('all').scrollIntoView()); // rows out of sight are not drawn
	await page.screenshot({ path: join(pictures, look.name + '-table.png') });
	await page.close();
}

const page = await open({ width: 1280, scheme: 'light' });
seen.names = await page.evaluate(() => Array.from(document.querySelectorAll('#accounts tbody th'), (c) => c.textContent));
seen.scripts = await page.evaluate(() => Array.from(document.querySelectorAll('pre'), (p) => p.textContent));
seen.elements = await page.evaluate(() => document.querySelectorAll('img, iframe, object, embed, link, form, [onerror], [onclick], [style]').length);
const heads = await page.evaluate(() => Array.from(document.querySelectorAll('#accounts thead button'), (b) => b.textContent));
const columnOf = (text) => heads.indexOf(text);
for (const key of ['ascending', 'descending']) {
	seen[key + 'Milliseconds'] = await page.evaluate((column) => {
		const begun = performance.now();
		document.querySelectorAll('#accounts thead button')[column].click();
		document.body.offsetHeight; // waits for the layout
		return Math.round(performance.now() - begun);
	}, columnOf(visit.sorted));
	seen[key] = (await page.evaluate(rowsShown)).map((r) => r[columnOf(visit.sorted)]);
}
const begun = Date.now();
await page.type('#wanted', visit.typed);
seen.filterMilliseconds = Date.now() - begun;
seen.filtered = (await page.evaluate(rowsShown)).map((r) => r[0]);
await page.select('#kind', visit.kind);
seen.filteredTwice = (await page.evaluate(rowsShown)).map((r) => r[columnOf(visit.column)]);
// What a screen reader is told: a table whose rows are rows, however they are laid out.
const tree = await page.accessibility.snapshot({ interestingOnly: false, root: await page.$('#accounts') });
const roles = (node) => [node.role, ...(node.children || []).flatMap(roles)];
seen.roles = Array.from(new Set(roles(tree))).filter((role) => /^(table|row|cell|gridcell|columnheader|rowheader)$/.test(role)).sort();
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
