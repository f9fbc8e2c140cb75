// The first visit: FreePBX has not loaded the page's script yet, then nothing is set up, then one key and one button; and
// what the page says when it gets no answer.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ADMIN, DIR, accessibility, browser, open, pbx, phpComplaints, picture, sql } from './harness.mjs';

const PAGE = `${ADMIN}/config.php?display=banbridge`;
const KEY = 'first-key';
const ATTACKER = '45.134.144.12';
const WIDTHS = { desktop: 1280, phone: 375 };
let chromium;
before(async () => {
	chromium = await browser();
	// apiban.org, as this PBX sees it.
	const list = path.join(DIR, 'apiban');
	const authority = path.join(DIR, 'authority.pem');
	writeFileSync(list, Array.from({ length: 30 }, (_, n) => `45.134.144.${n + 1}`).join('\n') + '\n');
	const child = spawn('nsenter', ['--net=/proc/1/ns/net', '--', 'apiban-simulator', '--listen', '127.0.0.1:443', '--tls', 'good', '--ca-out', authority,
		'--list', list, '--key', KEY, '--rate', 'none', '--stay'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
	await once(child.stdout, 'data');
	child.unref();
	child.stdout.unref();
	appendFileSync('/etc/hosts', '127.0.0.1 apiban.org\n');
	const trusted = '/etc/ssl/certs/ca-certificates.crt';
	const all = readFileSync(trusted, 'utf8');
	writeFileSync(`${trusted}.new`, all + readFileSync(authority, 'utf8'));
	renameSync(`${trusted}.new`, trusted);
});
after(async () => {
	await chromium.close();
	assert.deepEqual(phpComplaints(), []);
});

const banbridge = async (...args) => JSON.parse((await pbx('banbridge', ...args, '--json')).stdout);
const red = (page) => page.locator('#banbridge .alert-danger:visible, #banbridge .bb-badge-error:visible').count();

test('before FreePBX has loaded script and style the page says so, and what to press', async () => {
	await pbx('rm', '/var/www/html/admin/assets/banbridge');
	const { page, close } = await open(chromium, { user: 'admin' });
	await page.goto(PAGE);
	await page.getByText('Press Apply Config, then reload this page').waitFor();
	await picture(page, 'not-loaded', { fullPage: false });
	await pbx('fwconsole', 'reload');
	await page.reload();
	await page.locator('#bb-welcome').waitFor();
	assert.equal(await page.getByText('Press Apply Config').count(), 0);
	await close();
});

for (const [name, width] of Object.entries(WIDTHS)) {
	test(`${name}: where nothing is set up there is one card and nothing red`, async () => {
		const { page, complaints, close } = await open(chromium, { user: 'admin', width });
		await page.goto(PAGE);
		await page.locator('#bb-welcome').waitFor();
		assert.equal(await red(page), 0);
		assert.equal(await page.locator('#bb-all').isVisible(), false);
		assert.deepEqual(await accessibility(page), []);
		await picture(page, `welcome-${name}`, { fullPage: false });
		await page.getByRole('button', { name: 'Start protecting' }).click();
		await page.getByText('Enter your key first').waitFor();
		await page.getByLabel('Your key for apiban.org').fill('wrong');
		await page.getByRole('button', { name: 'Test', exact: true }).click();
		await page.locator('#bb-welcome-answer .alert-warning').waitFor();
		await page.getByLabel('Your key for apiban.org').fill(KEY);
		await page.getByRole('button', { name: 'Test', exact: true }).click();
		await page.locator('#bb-welcome-answer').getByText('Key accepted').waitFor();
		assert.deepEqual(complaints, []);
		await close();
	});
}

test('a key and one button are all that it takes', async () => {
	const { page, complaints, close } = await open(chromium, { user: 'admin' });
	await page.goto(PAGE);
	await page.getByLabel('Your key for apiban.org').fill(KEY);
	await page.getByRole('button', { name: 'Start protecting' }).click();
	await page.locator('#bb-welcome').waitFor({ state: 'hidden', timeout: 30_000 });
	await page.locator('#bb-state-text').getByText('30 addresses and networks are blocked').waitFor({ timeout: 60_000 })
		.catch(async (error) => { throw new Error(`${error.message}\n${await page.innerText('#banbridge')}\n${(await pbx('banbridge', 'status')).stdout}`); });
	assert.equal((await banbridge('check', ATTACKER)).blocked, true);
	await picture(page, 'started', { fullPage: false });
	assert.ok(!(await page.content()).includes(KEY));
	assert.deepEqual(complaints, []);
	await close();
});

test('a firewall that is switched off is said once, with the button that leads there', async () => {
	await pbx('fwconsole', 'firewall', 'disable');
	const { page, close } = await open(chromium, { user: 'admin' });
	await page.goto(PAGE);
	await page.locator('#bb-state-text').getByText('The firewall is switched off.').waitFor();
	assert.equal((await page.innerText('#banbridge')).split('The firewall is switched off.').length, 2);
	assert.match(await page.getByRole('link', { name: 'Open Firewall' }).getAttribute('href'), /display=firewall/);
	await picture(page, 'firewall-off', { fullPage: false });
	await close();
	await pbx('fwconsole', 'firewall', 'enable');
});

test('without a login the page says so, offers the way back, and what was shown stays', async () => {
	const { page, close } = await open(chromium, { user: 'admin' });
	await page.goto(PAGE);
	await page.getByRole('tab', { name: 'Blocked' }).click();
	await page.locator('#bb-entries tbody tr').filter({ hasText: ATTACKER }).waitFor();
	await page.context().clearCookies();
	await page.locator('#bb-panel-blocked .search input').fill('45.');
	await page.locator('#bb-panel-blocked .alert-danger').waitFor();
	assert.match(await page.textContent('#bb-panel-blocked .alert-danger'), /logged out|not logged in/);
	assert.ok(await page.locator('#bb-entries tbody tr').filter({ hasText: ATTACKER }).count() > 0, 'the table kept what it showed');
	await picture(page, 'logged-out', { fullPage: false });
	await page.locator('#bb-panel-blocked').getByRole('button', { name: 'Reload the page' }).click();
	await page.locator('#username').waitFor();
	await close();
});

test('without the program the page says what to download and the two commands', async () => {
	const place = '/usr/local/bin/banbridge';
	await pbx('mv', place, `${place}.away`);
	const { page, close } = await open(chromium, { user: 'admin' });
	try {
		await page.goto(PAGE);
		assert.equal(await page.locator('#banbridge code').count(), 2);
		await picture(page, 'no-program', { fullPage: false });
		assert.deepEqual(await accessibility(page), []);
	} finally {
		await pbx('mv', `${place}.away`, place);
	}
	await close();
});

test('a module that is uninstalled and installed again, as before a restore, has lost nothing', async () => {
	await pbx('banbridge', 'allow', '--comment=office', '198.51.100.7');
	await pbx('banbridge', 'unblock', ATTACKER);
	// Without root's timer uninstalling takes everything away.
	await pbx('pkill', '-f', 'root-timer');
	sql("DELETE FROM banbridge_state WHERE name = 'root_run'");
	const uninstalled = await pbx('fwconsole', 'ma', 'uninstall', 'banbridge');
	assert.match(uninstalled.stdout, /are removed/);
	assert.deepEqual(sql("SHOW TABLES LIKE 'banbridge%'"), []);
	await pbx('fwconsole', 'ma', 'install', 'banbridge');
	assert.deepEqual((await banbridge('list', '--allowed')).map((one) => [one.target, one.comment]), [['198.51.100.7', 'office']]);
	assert.deepEqual((await banbridge('list', '--unblocked')).map((one) => one.address), [ATTACKER]);
	assert.notEqual((await pbx('ls', '/etc/asterisk/banbridge-removed.json')).code, 0);
});

test('FreePBX\'s dashboard says in one line what happened', async () => {
	sql(`INSERT INTO banbridge_hour (at, packets) VALUES (${Math.floor(Date.now() / 3_600_000) * 3600}, 1234) ON DUPLICATE KEY UPDATE packets = 1234`);
	const { page, close } = await open(chromium, { user: 'admin' });
	await page.goto(`${ADMIN}/config.php`);
	await page.getByText('24 hours: 1,234 rejected packets').waitFor();
	await picture(page, 'dashboard', { fullPage: false });
	await close();
});
