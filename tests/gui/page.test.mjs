// Everything on the page, in a browser, at the width of a desktop screen and of a phone.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMIN, accessibility, browser, open, pbx, phpComplaints, picture, sql } from './harness.mjs';
import { ATTACKER, KEY, OWN, PHONE, SCRIPT, file, office, quiet, reset, scene, sync } from './scene.mjs';

const PAGE = `${ADMIN}/config.php?display=banbridge`;
const WIDTHS = [
	{ name: 'desktop', width: 1280, bootstrap: '4' },
	{ name: 'phone', width: 375, bootstrap: '3' },
];
let chromium;
before(async () => {
	await scene();
	chromium = await browser();
});
after(async () => {
	await chromium.close();
	assert.deepEqual(phpComplaints(), []);
});

/** The command's JSON, whatever its exit code. */
const banbridge = async (...args) => JSON.parse((await pbx('banbridge', ...args, '--json')).stdout);
const blocked = async (address) => (await banbridge('check', address)).blocked;
/** Waits until the promise's value is true. */
async function until(what, question) {
	for (let tries = 0; tries < 150; tries += 1) {
		if (await question()) {
			return;
		}
		await new Promise((next) => { setTimeout(next, 50); });
	}
	assert.fail(`never: ${what}`);
}

/** Opens the page, and keeps every answer that it receives. */
async function visit(options = {}) {
	const opened = await open(chromium, { user: 'admin', ...options });
	const answers = [];
	opened.page.on('response', async (answer) => {
		if (/admin\/(config|ajax)\.php/.test(answer.url())) {
			answers.push(answer.text().catch(() => ''));
		}
	});
	await opened.page.addInitScript(() => {
		globalThis.said = [];
		addEventListener('DOMContentLoaded', () => new MutationObserver((seen) => seen.forEach((one) => one.addedNodes.forEach((node) => {
			if (node.classList?.contains('toast-standin')) { globalThis.said.push(node.textContent); }
		}))).observe(document, { childList: true, subtree: true }));
	});
	await opened.page.goto(PAGE);
	await opened.page.waitForFunction(() => !/Loading|Laden|L\u00e4dt/.test(document.querySelector('#bb-state-word').textContent));
	return { ...opened, answers };
}

/** The end of every visit: no complaint, no script from a feed, no key. */
async function leave({ page, complaints, answers, close }) {
	assert.equal(await page.evaluate(() => globalThis.broken), undefined, 'text from a feed ran as a script');
	for (const answer of await Promise.all(answers)) {
		assert.ok(!answer.includes(KEY), 'the key is in an answer');
	}
	assert.ok(!(await page.content()).includes(KEY), 'the key is in the page');
	assert.deepEqual(complaints, []);
	await close();
}

const tab = (page, name) => page.getByRole('tab', { name }).click();
const row = (page, table, text) => page.locator(`${table} tbody tr`).filter({ hasText: text });
/** The table has its rows. */
const loaded = (page, table) => page.locator(`${table} tbody tr`).first().waitFor();
/** A toast showed this text; toasts that have disappeared count too. */
const said = (page, text) => page.waitForFunction((text) => globalThis.said?.some((one) => one.includes(text)), text);
/** Nothing is wider than the window. */
const fits = async (page) => assert.ok(await page.evaluate(() =>
	document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'the page is wider than the window');

for (const { name, width, bootstrap } of WIDTHS) {
	/** A visit to the page in its own session. A failure is kept as a picture. */
	const story = (title, tell, options) => test(`${name}: ${title}`, async () => {
		sql(`REPLACE INTO freepbx_settings VALUES ('SANDBOX_BOOTSTRAP', '${bootstrap}')`);
		await reset();
		const visited = await visit({ width, ...options });
		try {
			await tell(visited.page);
		} catch (error) {
			await picture(visited.page, `failed-${name}-${title.replace(/\W+/g, '-').slice(0, 40)}`);
			error.message += `\n${visited.complaints.join('\n')}\nsaid: ${await visited.page.evaluate(() => globalThis.said?.join('; '))}`;
			throw error;
		}
		await leave(visited);
	});

	story(`the top shows the state in one line, the next run, and each problem once`, async (page) => {
		const status = await banbridge('status');
		const text = await page.textContent('#bb-state-text');
		assert.ok(text.length > 10 && !/\{/.test(text), text);
		assert.match(await page.textContent('#bb-state-times'), /next run/);
		assert.equal(await page.locator('#bb-problems code').count(), status.root.timer ? 0 : 1);
		await page.locator('#bb-problems').getByText(`${PHONE}: `).waitFor();
		const top = await page.textContent('.bb-state:not(#bb-welcome)');
		assert.equal(top.split(`${PHONE}: `).length, 2, 'what is wrong stands once');
		await picture(page, `overview-${name}`);
		await fits(page);
		assert.deepEqual(await accessibility(page), []);
	});

	story(`no text of the page is a word of the command line`, async (page) => {
		for (const part of ['Overview', /^Blocked/, 'Rejected', 'Attackers', 'Protected', 'Settings', 'Log']) {
			await tab(page, part);
			await page.waitForLoadState('networkidle');
			const text = await page.evaluate(() => Array.from(document.querySelectorAll('#banbridge *'))
				.filter((one) => !one.closest('script, #bb-log') && one.tagName !== 'CODE')
				.flatMap((one) => Array.from(one.childNodes).filter((node) => node.nodeType === 3).map((node) => node.textContent)).join('\n'));
			assert.doesNotMatch(text, /banbridge [a-z]+|fwconsole|systemctl|--[a-z]|<[A-Z]+[|>]/, String(part));
		}
	});

	story(`every tab passes the accessibility rules and fits the window`, async (page) => {
		for (const [part, table] of [['Blocked', '#bb-entries'], ['Rejected', '#bb-rejected'], ['Protected', '#bb-skipped'], ['Settings'], ['Log']]) {
			await tab(page, part === 'Blocked' ? /^Blocked/ : part);
			if (table) {
				await loaded(page, table);
			}
			await page.waitForLoadState('networkidle');
			await picture(page, `${part.toLowerCase().replace(' ', '-')}-${name}`);
			await fits(page);
			assert.deepEqual(await accessibility(page), [], part);
		}
	});

	story(`a feed is disabled, previewed and enabled again`, async (page) => {
		const toggle = page.getByRole('switch', { name: /apiban/ });
		assert.equal(await toggle.getAttribute('aria-checked'), 'true');
		await toggle.click();
		await said(page, 'Its addresses are no longer blocked');
		await until('no longer blocked', async () => !await blocked(ATTACKER));
		await page.getByRole('switch', { name: /apiban/, checked: false }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByText('Nothing was changed').waitFor();
		assert.match(await dialog.textContent(), /Key accepted/);
		await picture(page, `preview-of-feed-${name}`, { fullPage: false });
		assert.deepEqual(await accessibility(page), []);
		assert.equal(await blocked(ATTACKER), false);
		await dialog.getByRole('button', { name: 'Enable' }).click();
		await said(page, 'is enabled');
		await dialog.waitFor({ state: 'hidden' });
		await sync();
		assert.equal(await blocked(ATTACKER), true);
	});

	story(`a feed is tested, and a failed feed shows its error as text`, async (page) => {
		const card = page.locator('#bb-feeds > li').filter({ has: page.getByRole('heading', { name: 'broken' }) });
		assert.match(await card.textContent(), /<img/);
		await card.getByRole('button', { name: 'Test broken' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.locator('.alert-danger').waitFor();
		await dialog.getByRole('button', { name: 'Close' }).click();
		await dialog.waitFor({ state: 'hidden' });
		await page.getByRole('button', { name: 'Test office' }).click();
		await dialog.getByText('Nothing was changed').waitFor();
		assert.match(await dialog.textContent(), /Entries fetched43/);
		await page.waitForFunction(() => document.activeElement.id === 'bb-dialog-title');
		await page.keyboard.press('Escape');
		await dialog.waitFor({ state: 'hidden' });
	});

	story(`the catalog previews a feed and adds it`, async (page) => {
		await page.getByRole('button', { name: 'Add a feed from the catalog' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByRole('heading', { name: 'voipbl' }).waitFor();
		await picture(page, `catalog-${name}`, { fullPage: false });
		assert.deepEqual(await accessibility(page), []);
		await dialog.getByRole('button', { name: 'Preview and add voipbl' }).click();
		// It cannot be reached from here, which is shown. It can be added anyway.
		await dialog.locator('.alert-danger').waitFor();
		await dialog.getByRole('button', { name: 'Add' }).click();
		await said(page, 'voipbl is added');
		assert.ok((await banbridge('feed', 'list')).some((feed) => feed.name === 'voipbl'));
		await page.getByRole('switch', { name: /voipbl/ }).click();
		await said(page, 'voipbl is disabled');
		const config = (await pbx('cat', '/etc/asterisk/banbridge.toml')).stdout;
		assert.match(config, /^# This comment stays\.$/m);
		assert.equal((await pbx('banbridge', 'config', 'check')).code, 0);
	});

	story(`who attacks this PBX is a feed that is added without a preview`, async (page) => {
		await page.getByRole('button', { name: 'Add a feed from the catalog' }).click();
		await page.getByRole('dialog').getByRole('button', { name: 'Add log' }).click();
		await said(page, 'log is added');
		assert.equal((await banbridge('feed', 'list')).find((feed) => feed.name === 'log').kind, 'log');
		await sync();
		assert.equal((await pbx('banbridge', 'feed', 'remove', 'log')).code, 0);
	});

	story(`who reached the phone system is shown, and what each feed was good for`, async (page) => {
		const at = new Date().toISOString().slice(0, 19).replace('T', ' ');
		const call = (address) => `[${at}] WARNING[2][C-1] Ext. s: "Rejecting unknown SIP connection from ${address}:5080"\n`;
		writeFileSync('/var/log/asterisk/full', call('45.9.0.1').repeat(3 + name.length) + call(ATTACKER));
		await sync();
		await tab(page, 'Attackers');
		await page.locator('#bb-attackers').getByText('45.9.0.1').waitFor();
		const text = await page.textContent('#bb-attackers');
		assert.match(text, /any feed/);
		assert.match(text, /never/);
		await picture(page, `attackers-${name}`);
		assert.deepEqual(await accessibility(page), []);
		await page.getByLabel('Time').selectOption('1');
		await page.locator('#bb-attackers').getByText('45.9.0.1').waitFor();
		rmSync('/var/log/asterisk/full');
	});

	story(`countries are found, chosen and looked at before anything is turned on`, async (page) => {
		await page.getByRole('button', { name: 'Only where you do business' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('Search').fill('germ');
		assert.equal(await dialog.getByLabel('France').isVisible(), false);
		await dialog.getByLabel('Germany').check();
		await dialog.getByLabel('Search').fill('');
		assert.equal(await dialog.getByLabel('France').isVisible(), true);
		await picture(page, `permit-${name}`, { fullPage: false });
		assert.deepEqual(await accessibility(page), []);
		await dialog.getByRole('button', { name: 'Show who would be outside' }).click();
		// The lists cannot be reached from here, which is shown, and nothing can be turned on.
		await dialog.locator('.alert-danger').getByText('country-de').waitFor();
		assert.equal(await dialog.getByRole('button', { name: 'Let in only these' }).count(), 0);
		assert.deepEqual(await accessibility(page), []);
		await page.keyboard.press('Escape');
		await dialog.waitFor({ state: 'hidden' });
		assert.doesNotMatch((await pbx('cat', '/etc/asterisk/banbridge.toml')).stdout, /permit/);
	});

	story(`a permit list in effect is shown, and who is outside of it`, async (page) => {
		const before = (await pbx('cat', '/etc/asterisk/banbridge.toml')).stdout;
		writeFileSync('/var/lib/asterisk/permit.txt', '45.0.0.0/8\n');
		writeFileSync('/etc/asterisk/banbridge.toml', `${before}\n[[feed]]\nname = "mine-only"\nkind = "list"\nurl = "/var/lib/asterisk/permit.txt"\nuse = "permit"\n`);
		await sync();
		await until('in force', async () => (await banbridge('status')).permit?.in_force);
		await page.getByRole('button', { name: 'Refresh' }).click();
		await page.locator('#bb-permit-line').getByText(/Let in at udp 5060.*these networks: 1\./).waitFor();
		await page.getByLabel('Address or network').first().fill('46.9.9.9');
		await page.getByRole('button', { name: 'Check' }).click();
		await page.locator('#bb-check-answer').getByText(/^Outside$/).waitFor();
		await picture(page, `outside-${name}`, { fullPage: false });
		assert.deepEqual(await accessibility(page), []);
		await page.locator('[data-bb-name="mine-only"]').getByRole('button', { name: 'Remove' }).click();
		await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
		await said(page, 'mine-only');
		await until('removed', async () => (await banbridge('status')).permit === null);
	});

	story(`a list of your own is previewed, added by its address, gets a login, and is removed`, async (page) => {
		await page.getByRole('button', { name: 'Add your own list' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('Name').fill('mine');
		writeFileSync('/var/lib/asterisk/mine.csv', 'seen,src_ip,dst_ip\nx,46.0.0.1,47.0.0.1\ny,46.0.0.2,47.0.0.2\n');
		await dialog.getByLabel('URL').fill('/var/lib/asterisk/mine.csv');
		const add = dialog.getByRole('button', { name: 'Add', exact: true });
		assert.equal(await add.isDisabled(), true);
		// The reader asks which column is meant.
		await dialog.getByRole('button', { name: 'Preview' }).click();
		await dialog.getByText('two columns have addresses').waitFor();
		assert.equal(await add.isDisabled(), true);
		await dialog.getByLabel('Column with the address').fill('src_ip');
		await dialog.getByRole('button', { name: 'Preview' }).click();
		await dialog.getByText('Entries used').waitFor();
		assert.deepEqual(await accessibility(page), []);
		await fits(page);
		await picture(page, `own-list-${name}`, { fullPage: false });
		await add.click();
		await said(page, 'mine is added');
		const card = page.locator('[data-bb-name="mine"]');
		await card.waitFor();
		assert.match(await page.evaluate(() => document.querySelector('#bb-feeds').textContent), /mine/);
		assert.equal((await banbridge('config', 'get', 'feed.mine.column')).value, 'src_ip');

		// A list on this PBX has no login, and that is said; one behind a login gets it.
		const office = page.locator('[data-bb-name="office"]');
		await office.getByRole('button', { name: 'Login office' }).click();
		await dialog.getByLabel('User, or name of the header').fill('me');
		await dialog.getByLabel('Password, or value of the header').fill('correct-horse');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await said(page, 'The login of office is saved');
		assert.equal((await banbridge('config', 'get', 'feed.office.username')).value, 'me');
		await dialog.waitFor({ state: 'hidden' });
		await office.getByRole('button', { name: 'Login office' }).click();
		await dialog.getByLabel('Login with').selectOption('none');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await until('the login is gone', async () => (await banbridge('config', 'get', 'feed.office.username')).value === null);
		await dialog.waitFor({ state: 'hidden' });

		await card.getByRole('button', { name: 'Remove mine' }).click();
		await dialog.getByText('Its addresses are no longer blocked').waitFor();
		await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
		await said(page, 'mine is removed');
		await card.waitFor({ state: 'detached' });
	});

	story(`a version of a list that is held is reviewed and accepted`, async (page) => {
		writeFileSync(file('office'), '141.98.1.7\n');
		await sync();
		await page.reload();
		const card = page.locator('[data-bb-name="office"]');
		await card.getByRole('button', { name: 'Review office' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByText('Rows removed').waitFor();
		assert.deepEqual(await accessibility(page), []);
		await picture(page, `review-${name}`, { fullPage: false });
		await dialog.getByRole('button', { name: 'Accept' }).click();
		await said(page, 'The new version of office is used');
		await until('the new version counts', async () =>
			(await banbridge('feed', 'list')).find((feed) => feed.name === 'office').entries === 1);
	});

	story(`the server pages, searches, sorts and filters the entries, and your rows are marked`, async (page) => {
		await tab(page, /^Blocked/);
		await loaded(page, '#bb-entries');
		const total = async () => Number((await page.textContent('#bb-panel-blocked .pagination-info')).match(/of (\d+)/)?.[1]);
		await until('all entries are counted', async () => await total() > 45);
		const all = await total();
		await page.locator('#bb-panel-blocked .pagination').getByText('2', { exact: true }).click();
		await page.waitForFunction(() => /Showing 26/.test(document.querySelector('#bb-panel-blocked .pagination-info').textContent));
		await page.getByRole('textbox', { name: 'Search' }).first().fill(OWN);
		await row(page, '#bb-entries', OWN).waitFor();
		assert.equal(await page.locator('#bb-entries tbody tr').count(), 1);
		const own = row(page, '#bb-entries', OWN);
		assert.match(await own.textContent(), /your row/);
		assert.equal(await own.getByRole('button').count(), 0);
		await page.getByRole('textbox', { name: 'Search' }).first().fill('');
		await page.waitForFunction((all) => document.querySelector('#bb-panel-blocked .pagination-info').textContent.includes(`of ${all}`), all);
		await page.selectOption('#bb-entries-feed', 'apiban');
		await until('the filter applies', async () => await total() < 15);
		await page.selectOption('#bb-entries-feed', '');
		if (width > 700) {
			await page.locator('#bb-entries .th-inner').filter({ hasText: 'Address' }).click();
			await row(page, '#bb-entries', '5.188.10.0/24').waitFor();
		}
	});

	story(`an address is unblocked and blocked again, another is allowed`, async (page) => {
		await tab(page, /^Blocked/);
		const find = async (address) => {
			await page.locator('#bb-panel-blocked .search input').fill(address);
			await row(page, '#bb-entries', address).waitFor();
		};
		await find(ATTACKER);
		await page.getByRole('button', { name: `Unblock ${ATTACKER}` }).click();
		await said(page, 'is unblocked until');
		await until('unblocked', async () => !await blocked(ATTACKER));
		await tab(page, 'Protected');
		await row(page, '#bb-unblocked', ATTACKER).waitFor();
		await page.getByRole('button', { name: `Block again ${ATTACKER}` }).click();
		await said(page, 'can block');
		await sync();
		assert.equal(await blocked(ATTACKER), true);
		await tab(page, /^Blocked/);
		await find('163.172.207.104');
		await page.getByRole('button', { name: 'Allow 163.172.207.104' }).click();
		await said(page, 'is on the allow list');
		await until('allowed', async () => !await blocked('163.172.207.104'));
		await tab(page, 'Protected');
		await page.getByRole('button', { name: 'Remove 163.172.207.104' }).click();
		await said(page, 'no longer on the allow list');
		await sync();
		assert.equal(await blocked('163.172.207.104'), true);
	});

	story(`"Is this address blocked?" shows the reason, and an error for an invalid address`, async (page) => {
		const ask = async (address, expected) => {
			await page.getByLabel('Address or network').first().fill(address);
			await page.getByRole('button', { name: 'Check' }).click();
			await page.locator('#bb-check-answer').getByText(expected).first().waitFor();
			return page.textContent('#bb-check-answer');
		};
		assert.match(await ask(ATTACKER, /^Blocked$/), /apiban/);
		await picture(page, `check-${name}`, { fullPage: false });
		assert.match(await ask(PHONE, /^Not blocked$/), /apiban/);
		assert.match(await ask(OWN, /^Blocked$/), /your own row/);
		assert.match(await ask(`<b>${SCRIPT}`, /script/), /<b><script>/);
		assert.deepEqual(await accessibility(page), []);
	});

	story(`your own address is allowed and removed; a comment is shown as text`, async (page) => {
		await tab(page, 'Protected');
		await page.getByRole('button', { name: 'Add my address' }).click();
		assert.equal(await page.inputValue('#bb-allow-target'), '192.168.77.20');
		await page.fill('#bb-allow-comment', SCRIPT);
		await page.locator('#bb-allow-add').click();
		await row(page, '#bb-allowed', '192.168.77.20').waitFor();
		assert.match(await row(page, '#bb-allowed', '192.168.77.20').textContent(), /<script>globalThis/);
		await page.fill('#bb-allow-target', 'nobody.example.net');
		await page.locator('#bb-allow-add').click();
		await said(page, 'does not resolve: it protects nobody yet');
		await row(page, '#bb-allowed', 'nobody.example.net').getByText('remembered, not known yet').waitFor();
		await page.getByRole('button', { name: 'Remove nobody.example.net' }).click();
		await row(page, '#bb-allowed', 'nobody.example.net').waitFor({ state: 'detached' });
		await page.fill('#bb-allow-target', 'not an address!');
		await page.locator('#bb-allow-add').click();
		await page.locator('#toasts .toast-error').first().waitFor();
		await page.getByRole('button', { name: 'Remove 192.168.77.20' }).click();
		await said(page, 'no longer on the allow list');
		await row(page, '#bb-allowed', '192.168.77.20').waitFor({ state: 'detached' });
		await row(page, '#bb-skipped', 'globalThis').first().waitFor();
	});

	story(`settings are changed, an invalid value is rejected, and the key stays masked and can be tested`, async (page) => {
		await tab(page, 'Settings');
		const key = page.getByRole('textbox', { name: 'API key of apiban' });
		await key.waitFor();
		assert.equal(await key.inputValue(), '');
		const form = (setting) => page.locator(`[data-bb-setting="${setting}"]`);
		const save = page.locator('#bb-save');
		await form('feed.apiban.key').getByRole('button', { name: 'Test key' }).click();
		await form('feed.apiban.key').getByText('Key accepted').waitFor();
		await key.fill('wrong');
		await form('feed.apiban.key').getByRole('button', { name: 'Test key' }).click();
		await form('feed.apiban.key').locator('.alert-danger').waitFor();
		await key.fill('');
		await save.click();
		await said(page, 'Nothing was changed');
		await page.getByText('Advanced').click();
		await form('blacklist.limit').locator('input').fill('1234');
		await form('log.level').locator('select').selectOption('debug');
		await save.click();
		await said(page, 'Saved');
		assert.equal((await banbridge('config', 'get', 'blacklist.limit')).value, 1234);
		assert.equal((await banbridge('config', 'get', 'log.level')).value, 'debug');
		// What is refused says so at its field, and the rest is saved.
		await form('blacklist.limit').locator('input').fill('many');
		await form('protect.unblock').locator('input').fill('3d');
		await save.click();
		await form('blacklist.limit').locator('.alert-danger').waitFor();
		await picture(page, `setting-invalid-${name}`);
		assert.equal((await banbridge('config', 'get', 'blacklist.limit')).value, 1234);
		assert.equal((await banbridge('config', 'get', 'protect.unblock')).value, '3d');
		await form('blacklist.limit').locator('input').fill('auto');
		await save.click();
		await until('saved', async () => (await banbridge('config', 'get', 'blacklist.limit')).value === 'auto');
		await tab(page, 'Overview');
		assert.equal(await save.isVisible(), false, 'the bar is there for the settings');
		const config = (await pbx('cat', '/etc/asterisk/banbridge.toml')).stdout;
		assert.match(config, /^# This comment stays\.$/m);
		assert.ok(config.includes(KEY));
	});

	story(`a run is previewed, started and followed while the page stays usable`, async (page) => {
		writeFileSync(file('office'), [...office, `195.133.40.${name.length}`].join('\n') + '\n');
		await page.getByRole('button', { name: 'Preview' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByText('Nothing was changed').waitFor();
		await picture(page, `preview-of-run-${name}`, { fullPage: false });
		assert.equal(await blocked(`195.133.40.${name.length}`), false);
		await dialog.getByRole('button', { name: 'Close' }).click();
		await dialog.waitFor({ state: 'hidden' });
		writeFileSync(`${file('office')}.hold`, '');
		try {
			await page.getByRole('button', { name: 'Sync now' }).click();
			await page.locator('#bb-progress').getByText(/A run is in progress/).waitFor();
			assert.ok(await page.getByRole('button', { name: 'Sync now' }).isDisabled());
			await picture(page, `run-${name}`, { fullPage: false });
			await tab(page, 'Log');
			await tab(page, 'Overview');
		} finally {
			rmSync(`${file('office')}.hold`, { force: true });
		}
		await page.locator('#bb-progress p').waitFor({ state: 'detached' });
		await until('the run is over', () => blocked(`195.133.40.${name.length}`));
	});

	story(`the log is shown as text, what a run blocked is folded, and lines are chosen by level and text`, async (page) => {
		await tab(page, 'Log');
		await page.locator('#bb-log .bb-log-line').last().waitFor();
		assert.match(await page.textContent('#bb-log-file'), /banbridge\.log/);
		await page.selectOption('#bb-log-lines', '500');
		await page.locator('#bb-log').getByText(/addresses blocked or expired/).last().waitFor();
		await page.selectOption('#bb-log-level', 'error');
		assert.ok(await page.locator('#bb-log .bb-log-line:not(.bb-log-error)').count() === 0);
		await page.selectOption('#bb-log-level', '');
		await page.fill('#bb-log-search', ATTACKER);
		await page.waitForFunction((text) => Array.from(document.querySelectorAll('#bb-log .bb-log-line')).every((one) => one.textContent.includes(text)), ATTACKER);
		await page.locator('#bb-log-refresh').click();
	});

	story(`the main actions work with the keyboard alone`, async (page) => {
		const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
		/** Presses the Tab key until the element has the focus. */
		const reach = async (expected) => {
			for (let presses = 0; presses < 80; presses += 1) {
				await page.keyboard.press('Tab');
				if (expected.test(await focused())) {
					return;
				}
			}
			assert.fail(`Tab never reaches ${expected}`);
		};
		await reach(/^bb-preview$/);
		await page.keyboard.press('Enter');
		const dialog = page.getByRole('dialog');
		await dialog.getByText('Nothing was changed').waitFor();
		await page.waitForFunction(() => document.activeElement.id === 'bb-dialog-title');
		await page.keyboard.press('Escape');
		await dialog.waitFor({ state: 'hidden' });
		await until('the focus is back', async () => await focused() === 'bb-preview');
		await reach(/^bb-tab-overview$/);
		await reach(/^bb-check-address$/);
		await page.keyboard.type(ATTACKER);
		await page.keyboard.press('Enter');
		await page.locator('#bb-check-answer').getByText(/^Blocked$/).waitFor();
		await reach(/^Unblock$/);
		await page.keyboard.press('Enter');
		await said(page, 'is unblocked until');
		await until('unblocked', async () => !await blocked(ATTACKER));
		await pbx('banbridge', 'unblock', '--undo', ATTACKER);
		await page.locator('#bb-tab-rejected').focus();
		await page.keyboard.press('ArrowRight');
		assert.equal(await focused(), 'bb-tab-attackers');
		await page.keyboard.press('ArrowRight');
		assert.equal(await focused(), 'bb-tab-protected');
		await reach(/^bb-allow-target$/);
		await page.keyboard.type('sip.example.com');
		await page.keyboard.press('Enter');
		await row(page, '#bb-allowed', 'sip.example.com').waitFor();
		await pbx('banbridge', 'unallow', 'sip.example.com');
	});

	story(`a read-only user sees everything and no control that changes something`, async (page) => {
		await page.locator('#bb-readonly').waitFor();
		for (const part of [/^Blocked/, 'Rejected', 'Attackers', 'Protected', 'Settings', 'Log']) {
			await tab(page, part);
			await page.waitForLoadState('networkidle');
			assert.equal(await page.getByRole('button', { name: /^(Sync now|Allow|Unblock|Remove|Save|Test|Block again|Add|Preview)/ }).count(), 0);
			assert.equal(await page.getByRole('switch').count(), 0);
			assert.deepEqual(await accessibility(page), []);
		}
		await tab(page, 'Settings');
		await picture(page, `read-only-${name}`);
	}, { user: 'operator' });

	// By what an administrator sees, and nothing else: no selector, no documentation.
	story(`a customer who cannot call is found and let through`, async (page) => {
		await page.getByLabel('Address or network').first().fill(ATTACKER);
		await page.getByRole('button', { name: 'Check' }).click();
		await page.getByText('because it is listed by apiban.').waitFor();
		await page.getByRole('button', { name: `Allow ${ATTACKER}` }).first().click();
		await page.getByText('although it is listed by apiban: it is protected.').waitFor();
		await until('let through', async () => !await blocked(ATTACKER));
	});

	story(`a list of the catalog is looked at before it is used`, async (page) => {
		await page.getByRole('button', { name: 'Add a feed from the catalog' }).click();
		await page.getByRole('heading', { name: 'voipbl' }).waitFor();
		await page.getByRole('button', { name: 'Preview and add voipbl' }).click();
		// No internet here: it says so, and what to do.
		await page.getByText('You can continue anyway.').waitFor();
		await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
		await page.getByRole('heading', { name: 'voipbl' }).waitFor();
	});

	story(`whether it was worth it is seen at a glance`, async (page) => {
		const now = Math.floor(Date.now() / 1000);
		sql(`INSERT INTO banbridge_hit (prefix, packets, first_at, last_at, counter) VALUES ('${ATTACKER}', 4321, ${now - 7200}, ${now - 60}, 0)
			ON DUPLICATE KEY UPDATE packets = 4321, last_at = ${now - 60}`);
		sql(`INSERT INTO banbridge_hour (at, packets) VALUES (${now - now % 3600}, 4321) ON DUPLICATE KEY UPDATE packets = 4321`);
		await page.getByRole('button', { name: 'Refresh' }).first().click();
		await page.getByText(/24 hours: 4,321 rejected packets, sources: \d+\./).waitFor();
		await page.getByText(/4,321, of which 4,321 by this feed alone/).waitFor();
		const knocking = page.getByRole('region', { name: 'Who is knocking' });
		await knocking.getByText(ATTACKER).waitFor();
		await knocking.getByText(/^apiban, since/).waitFor();
		await page.getByRole('button', { name: 'All rejections' }).click();
		await row(page, '#bb-rejected', ATTACKER).waitFor();
		const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as CSV' }).click()]);
		const csv = readFileSync(await file.path(), 'utf8');
		assert.match(csv, new RegExp(`"${ATTACKER}","apiban",.*,"4321"`));
		await picture(page, `rejections-${name}`, { fullPage: false });
		await tab(page, 'Overview');
		await picture(page, `knocking-${name}`);
		assert.deepEqual(await accessibility(page), []);
		await fits(page);
	});

	story(`in German`, async (page) => {
		await page.getByRole('button', { name: 'Jetzt synchronisieren' }).waitFor();
		assert.notEqual(await page.textContent('#bb-run'), 'Sync now');
		await picture(page, `german-${name}`);
	}, { language: 'de_DE' });
}

test('the pictures of README and the guide', async () => {
	sql("REPLACE INTO freepbx_settings VALUES ('SANDBOX_BOOTSTRAP', '4')");
	await reset();
	await quiet();
	// A week of packets, as on a PBX on the internet.
	const hour = Math.floor(Date.now() / 3_600_000) * 3600;
	sql(Array.from({ length: 168 }, (_, n) => `INSERT INTO banbridge_hour (at, packets) VALUES (${hour - n * 3600},
		${Math.round(900 + 700 * Math.sin(n / 4) + (n % 7) * 130 + (n === 30 ? 4200 : 0))}) ON DUPLICATE KEY UPDATE packets = VALUES(packets);`).join(''));
	const now = Math.floor(Date.now() / 1000);
	sql([['45.134.144.12', 12004, 130], ['5.188.10.0/24', 3377, 540], [ATTACKER, 2210, 61], ['141.98.3.7', 1415, 4000], ['193.107.216.6', 812, 20000]]
		.map(([prefix, packets, ago]) => `REPLACE INTO banbridge_hit (prefix, packets, first_at, last_at, counter)
			VALUES ('${prefix}', ${packets}, ${now - 500000}, ${now - ago}, 0);`).join(''));
	for (const [name, width] of [['', 1280], ['-phone', 375]]) {
		const { page, close } = await visit({ width, height: 1000 });
		await picture(page, `docs-overview${name}`, { fullPage: name === '' });
		await page.getByLabel('Address or network').first().fill(ATTACKER);
		await page.getByRole('button', { name: 'Check' }).click();
		await page.locator('#bb-check-answer').getByText(/^Blocked$/).waitFor();
		await picture(page, `docs-check${name}`, { fullPage: false });
		await close();
	}
});
