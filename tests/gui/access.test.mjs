// Permissions: direct requests for every command of the page, as users without permission. And the module's other parts:
// the console command, the job, notifications, backup, install and uninstall.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMIN, ajax, asterisk, pbx, phpComplaints, request, session, sql } from './harness.mjs';
import { ATTACKER, KEY, OWN, PHONE, SCRIPT, apiban, file, office, reset, scene } from './scene.mjs';

const READ = ['status', 'entries', 'skipped', 'unblocked', 'allowed', 'check', 'feeds', 'catalog', 'settings', 'log'];
const CHANGE = ['preview', 'sync', 'feed_test', 'feed_add', 'feed_test_own', 'feed_add_own', 'feed_remove', 'feed_login', 'feed_review', 'feed_accept', 'feed_enable', 'feed_disable', 'key_test', 'allow', 'unallow', 'unblock',
	'unblock_undo', 'setting'];
/** Fields with which each command does something, if it is allowed. */
const FORM = { address: ATTACKER, target: ATTACKER, name: 'apiban', value: 'x', offset: '0', limit: '10' };

/** A session's cookie and the token of its page. */
async function login(user) {
	const cookie = await session(user);
	const page = await request(`${ADMIN}/config.php?display=banbridge`, { headers: { Cookie: cookie } });
	const given = page.text.match(/id="bb-given">(.*?)<\/script>/s);
	return { cookie, token: given && JSON.parse(given[1]).token, text: page.text };
}
const ask = (command, { cookie, token, referer, form = FORM, ...rest } = {}) => ajax('banbridge', command, {
	cookie, referer, form, headers: token ? { 'X-Banbridge-Token': token } : {}, ...rest,
});

/** Everything that a request could change. */
const world = async () => JSON.stringify([
	readFileSync('/etc/asterisk/banbridge.toml', 'utf8'),
	sql('SELECT `key`, val, id FROM kvstore_FreePBX_modules_Firewall ORDER BY `key`, id'),
	(await pbx('banbridge', 'list', '--allowed', '--json')).stdout,
	(await pbx('banbridge', 'list', '--unblocked', '--json')).stdout,
]);

let admin;
before(async () => {
	await scene();
	admin = await login('admin');
});
/** Complaints of PHP about direct requests for files that are not pages. */
let direct = [];
after(() => assert.deepEqual(phpComplaints().filter((line) => !direct.includes(line)), []));

/** Every command is denied with this status, and nothing changes. */
async function denied(who, status, commands, options) {
	const before = await world();
	for (const command of commands) {
		const answer = await ask(command, options);
		assert.equal(answer.status, status, `${who}: ${command} ${answer.text.slice(0, 200)}`);
		assert.ok(answer.json.error, `${who}: ${command}`);
		assert.ok(!answer.text.includes(ATTACKER), `${who}: ${command} gives data away`);
	}
	assert.equal(await world(), before, `${who} changed something`);
}
const ALL = [...READ, ...CHANGE];

test('an administrator can read everything', async () => {
	for (const command of READ) {
		const answer = await ask(command, admin);
		assert.equal(answer.status, 200, command);
		assert.equal(answer.json.status, true, `${command}: ${answer.text.slice(0, 300)}`);
		assert.ok(!answer.text.includes(KEY), command);
	}
});
test('without a session every request is denied', () => denied('nobody', 401, ALL, { token: admin.token }));
test('without a session also if FreePBX accepts requests from the machine itself', async () => {
	sql("REPLACE INTO freepbx_settings VALUES ('SANDBOX_TRUSTS_LOOPBACK', '1')");
	for (const command of ALL) {
		const answer = await pbx('php', '-r', `echo file_get_contents('http://127.0.0.1/admin/ajax.php?module=banbridge&command=${command}', false,
			stream_context_create(['http' => ['method' => 'POST', 'content' => 'target=${ATTACKER}&address=${ATTACKER}&name=apiban', 'ignore_errors' => true,
			'header' => "Referer: http://127.0.0.1/admin/\\r\\nContent-Type: application/x-www-form-urlencoded"]])), "\\n", $http_response_header[0];`);
		assert.match(answer.stdout, / 403 /, command);
	}
	sql("DELETE FROM freepbx_settings WHERE keyword = 'SANDBOX_TRUSTS_LOOPBACK'");
});
test('a user without the section is denied, and gets no page', async () => {
	const reception = await login('reception');
	assert.equal(reception.token, null);
	assert.match(reception.text, /do not have access/);
	await denied('reception', 403, ALL, { cookie: reception.cookie, token: admin.token });
});
test('a read-only user can read, and is denied every change', async () => {
	const operator = await login('operator');
	await denied('operator', 403, CHANGE, operator);
	for (const command of READ) {
		assert.equal((await ask(command, operator)).json.status, true, command);
	}
});
test('a user with only these two sections can change', async () => {
	const editor = await login('editor');
	assert.equal((await ask('unblock', { ...editor, form: { target: '77.247.110.58' } })).json.status, true);
	assert.equal((await ask('unblock_undo', { ...editor, form: { target: '77.247.110.58' } })).json.status, true);
});
test('without a token, with a wrong one and with another session\'s, every request is denied', async () => {
	const other = await login('admin');
	assert.notEqual(other.token, admin.token);
	for (const token of [undefined, 'x', admin.token.slice(1), other.token]) {
		await denied(`token ${token}`, 403, ALL, { cookie: admin.cookie, token });
	}
});
test('a token in the URL or the form does not count, and GET is denied', async () => {
	const get = await request(`${ADMIN}/ajax.php?module=banbridge&command=allow&target=${ATTACKER}&banbridge_token=${admin.token}`, {
		headers: { Cookie: admin.cookie, Referer: ADMIN, 'X-Banbridge-Token': admin.token },
	});
	assert.equal(get.status, 403);
	await denied('token in the form', 403, ['unblock'], { cookie: admin.cookie, form: { ...FORM, token: admin.token } });
});
test('from a page elsewhere every request is denied', async () => {
	await denied('elsewhere', 403, ALL, { ...admin, referer: 'http://elsewhere.example/' });
});
test('an unknown command is denied', async () => {
	for (const command of ['purge', 'restore', 'backup', 'config', 'ajaxHandler', 'status ', '']) {
		assert.equal((await ask(encodeURIComponent(command), admin)).status, 403, command);
	}
});
test('the module\'s files show nothing to direct requests', async () => {
	const before = phpComplaints();
	for (const name of ['page.banbridge.php', 'Banbridge.class.php', 'Program.php', 'Commands.php', 'Notifications.php', 'Backup.php', 'Restore.php',
		'Console/Banbridge.class.php', 'views/main.php', 'views/protected.php', 'views/missing.php', 'Sentences.php',
		...['main', 'overview', 'blocked', 'rejected', 'protected', 'settings', 'log', 'state', 'welcome', 'missing', 'strings'].map((view) => `views/${view}.php`)]) {
		const answer = await request(`${ADMIN}/modules/banbridge/${name}`);
		assert.ok(!name.startsWith('views/') || answer.text === 'No direct script access allowed', `${name}: ${answer.text.slice(0, 200)}`);
		assert.ok(!answer.text.includes(KEY) && !/\/(var|etc|usr)\//.test(answer.text), `${name}: ${answer.text.slice(0, 200)}`);
	}
	direct = phpComplaints().filter((line) => !before.includes(line));
});
test('text from outside never becomes an option or a command', async () => {
	const before = await world();
	for (const target of ['--help', '-v', '--config=/tmp/x', '$(touch /tmp/gui-owned)', '`touch /tmp/gui-owned`', '; touch /tmp/gui-owned', '"', "'"]) {
		const answer = await ask('allow', { ...admin, form: { target, comment: '--help' } });
		assert.equal(answer.json.status, false, `${target}: ${answer.text}`);
		assert.equal((await ask('check', { ...admin, form: { address: target } })).json.status, false, target);
	}
	for (const name of ['--help', 'a b', '../x', 'apiban.key = 1\n']) {
		assert.equal((await ask('feed_enable', { ...admin, form: { name } })).json.status, false, name);
	}
	assert.equal((await ask('setting', { ...admin, form: { name: 'feed.apiban.url', value: 'http://127.0.0.1/' } })).json.status, false);
	assert.equal(existsSync('/tmp/gui-owned'), false);
	assert.equal(await world(), before);
});

test('fwconsole banbridge passes arguments, output and exit codes through', async () => {
	const blocked = await pbx('fwconsole', 'banbridge', 'check', ATTACKER, '--json');
	assert.equal(blocked.code, 0);
	assert.equal(JSON.parse(blocked.stdout).blocked, true);
	assert.equal((await pbx('fwconsole', 'banbridge', 'check', '192.0.2.1')).code, 1);
	assert.equal((await pbx('fwconsole', 'banbridge', 'check', 'no address')).code, 2);
	assert.equal((await pbx('fwconsole', 'banbridge', '--', '--version')).stdout, (await pbx('banbridge', '--version')).stdout);
	assert.equal((await asterisk('fwconsole', 'banbridge', 'status', '--json')).code, 0);
});
test('the job runs the program as asterisk, and notifies if the program does not answer', async () => {
	const before = JSON.parse((await pbx('banbridge', 'status', '--json')).stdout).last_run.started_at;
	const ran = await asterisk('fwconsole', 'job', '--run');
	assert.match(ran.stdout, /Running banbridge::sync/);
	const status = JSON.parse((await pbx('banbridge', 'status', '--json')).stdout);
	assert.notEqual(status.last_run.started_at, before);
	await pbx('mv', '/usr/local/bin/banbridge', '/usr/local/bin/away');
	await asterisk('fwconsole', 'job', '--run');
	assert.deepEqual(sql("SELECT id FROM notifications WHERE module = 'banbridge'"), [['program']]);
	const page = await request(`${ADMIN}/config.php?display=banbridge`, { headers: { Cookie: admin.cookie } });
	assert.match(page.text, /the program banbridge is not installed/);
	await pbx('mv', '/usr/local/bin/away', '/usr/local/bin/banbridge');
	await asterisk('fwconsole', 'job', '--run');
	assert.equal(sql("SELECT id FROM notifications WHERE module = 'banbridge' AND id = 'program'").length, 0);
});
test('FreePBX notifies once about a listed phone, as text, until the problem is solved', async () => {
	const notifications = () => sql("SELECT id, reset, extended_text FROM notifications WHERE module = 'banbridge' ORDER BY id");
	await asterisk('fwconsole', 'job', '--run');
	const [id, , text] = notifications().find(([name]) => name.startsWith('protected')) ?? [];
	assert.ok(id, JSON.stringify(notifications()));
	assert.match(text, new RegExp(`${PHONE}.*apiban`));
	const dashboard = (await request(`${ADMIN}/config.php`, { headers: { Cookie: admin.cookie } })).text;
	assert.ok(dashboard.includes(PHONE));
	assert.ok(dashboard.includes('&lt;img') && !dashboard.includes('<img'), 'text from a feed is not HTML on the dashboard');
	// A hidden notification stays hidden while its text is the same.
	sql(`UPDATE notifications SET reset = 1 WHERE module = 'banbridge' AND id = '${id}'`);
	await asterisk('fwconsole', 'job', '--run');
	assert.equal(notifications().find(([name]) => name === id)[1], '1');
	writeFileSync(file('apiban'), `${ATTACKER}\n`);
	await reset({ lines: office.filter((line) => !line.includes(PHONE)) });
	await pbx('banbridge', 'feed', 'disable', 'apiban');
	await asterisk('fwconsole', 'job', '--run');
	assert.equal(notifications().find(([name]) => name === id), undefined, JSON.stringify(notifications()));
	writeFileSync(file('apiban'), apiban.join('\n') + '\n');
	await reset();
});
test('the dashboard has a line, and fwconsole start applies the saved state', async () => {
	const page = await request(`${ADMIN}/config.php`, { headers: { Cookie: admin.cookie } });
	assert.match(page.text, /<strong>Ban Bridge<\/strong>/);
	assert.match((await pbx('fwconsole', 'start')).stdout, /Ban Bridge: saved state applied/);
});
test('a backup restores configuration, allow list and unblocked addresses', async () => {
	await pbx('banbridge', 'allow', '203.0.113.9', '--comment', SCRIPT);
	await pbx('banbridge', 'unblock', '62.210.149.30');
	const before = await world();
	await pbx('fwconsole', 'backup', 'banbridge', file('backup.json'));
	await pbx('banbridge', 'unallow', '203.0.113.9');
	await pbx('banbridge', 'unblock', '--undo', '62.210.149.30');
	await pbx('sed', '-i', '/night/d', '/etc/asterisk/banbridge.toml');
	assert.notEqual(await world(), before);
	const restored = await pbx('fwconsole', 'restore', 'banbridge', file('backup.json'));
	assert.match(restored.stdout, /are restored/, restored.stdout + restored.stderr);
	const now = await world();
	for (const kept of ['203.0.113.9', '62.210.149.30', 'night']) {
		assert.ok(now.includes(kept), kept);
	}
	assert.equal(readFileSync('/etc/asterisk/banbridge.toml', 'utf8'), JSON.parse(before)[0]);
});
test('uninstalling removes everything of banbridge and leaves your rows unchanged', async () => {
	const own = () => sql("SELECT `key`, val, id FROM kvstore_FreePBX_modules_Firewall WHERE id = 'blacklist' AND val <> 'banbridge' ORDER BY `key`");
	const before = own();
	const rows = () => sql("SELECT `key` FROM kvstore_FreePBX_modules_Firewall WHERE val = 'banbridge' ORDER BY `key`");
	const blocked = rows();
	assert.ok(JSON.stringify(before).includes(OWN));
	assert.ok(blocked.length > 0);
	// Root's timer keeps blocking without the module, and the uninstallation says so.
	const gone = await pbx('fwconsole', 'ma', 'uninstall', 'banbridge');
	assert.equal(gone.code, 0);
	assert.match(gone.stdout, /keeps blocking/);
	assert.deepEqual([own(), rows()], [before, blocked]);
	assert.deepEqual(sql('SELECT * FROM cron_jobs'), []);
	// Without the timer nothing else would ever remove the blocks.
	assert.equal((await pbx('fwconsole', 'ma', 'install', 'banbridge')).code, 0);
	sql("DELETE FROM banbridge_state WHERE name = 'root_run'");
	assert.equal((await pbx('fwconsole', 'ma', 'uninstall', 'banbridge')).code, 0);
	assert.deepEqual(own(), before);
	assert.deepEqual(sql("SELECT * FROM kvstore_FreePBX_modules_Firewall WHERE val = 'banbridge'"), []);
	assert.deepEqual(sql("SHOW TABLES LIKE '%banbridge%'"), []);
	assert.deepEqual(sql('SELECT * FROM cron_jobs'), []);
	assert.deepEqual(sql("SELECT * FROM notifications WHERE module = 'banbridge'"), []);
	assert.deepEqual(sql("SELECT * FROM freepbx_settings WHERE keyword LIKE '%banbridge%'"), []);
});
