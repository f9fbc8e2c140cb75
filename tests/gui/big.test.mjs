// The page with a hundred thousand entries: every entry is found, and no answer grows with the list.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMIN, browser, open, pbx, phpComplaints, picture } from './harness.mjs';
import { scene } from './scene.mjs';

const MANY = 100_000;
/** No two of them are neighbors, so that none can be merged. */
const address = (n) => `${60 + Math.floor(n / 32768)}.${Math.floor(n / 128) % 256}.${(n % 128) * 2}.1`;
/** The longest allowed answer, in bytes. */
const MOST = 64 << 10;

let chromium;
before(async () => {
	await scene({ lines: Array.from({ length: MANY }, (_, n) => address(n)) });
	chromium = await browser();
});
after(async () => {
	await chromium.close();
	assert.deepEqual(phpComplaints(), []);
});

for (const width of [1280, 375]) {
	test(`${MANY} entries are paged, searched and sorted, ${width} wide`, async () => {
		const { page, complaints, close } = await open(chromium, { user: 'admin', width });
		let most = 0;
		page.on('response', async (answer) => {
			if (answer.url().includes('ajax.php')) {
				most = Math.max(most, (await answer.body().catch(() => '')).length);
			}
		});
		await page.goto(`${ADMIN}/config.php?display=banbridge`);
		await page.waitForFunction(() => !/Loading/.test(document.querySelector('#bb-state-word').textContent));
		await page.getByRole('tab', { name: /^Blocked/ }).click();
		const info = page.locator('#bb-panel-blocked .pagination-info');
		await info.getByText(/of 10\d{4} rows/).waitFor({ timeout: 30_000 });
		const rows = page.locator('#bb-entries tbody tr');
		assert.equal(await rows.count(), 25);
		// The last page.
		await page.locator('#bb-panel-blocked .pagination').getByText(/^40\d\d$/).click();
		await info.getByText(/Showing 100\d{3} to 10/).waitFor({ timeout: 30_000 });
		for (const n of [0, 77_777, MANY - 1]) {
			await page.locator('#bb-panel-blocked .search input').fill(address(n));
			await rows.filter({ hasText: address(n) }).first().waitFor({ timeout: 30_000 });
		}
		await picture(page, `hundred-thousand-${width}`, { fullPage: false });
		await page.getByRole('tab', { name: 'Overview' }).click();
		await page.getByLabel('Address or network').first().fill(address(50_000));
		await page.getByRole('button', { name: 'Check' }).click();
		await page.locator('#bb-check-answer').getByText(/^Blocked$/).waitFor();
		assert.ok(most < MOST, `an answer has ${most} bytes`);
		assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 3000, 'the page itself grows');
		assert.deepEqual(complaints, []);
		await close();
	});
}

test('the row limit holds, and the kernel set blocks addresses without a row', async () => {
	const status = JSON.parse((await pbx('banbridge', 'status', '--json')).stdout);
	assert.equal(status.blacklist.rows, status.blacklist.limit);
	assert.ok(status.blacklist.over_limit > 0);
	assert.equal(JSON.parse((await pbx('banbridge', 'check', address(MANY - 1), '--json')).stdout).blocked, true);
});
