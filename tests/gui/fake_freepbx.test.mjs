// The fake FreePBX behaves like the real one, weaknesses included.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMIN, ajax, asterisk, browser, open, pbx, phpComplaints, request, session, sql } from './harness.mjs';

const probe = async (word) => JSON.parse((await pbx('fwconsole', 'probe', word)).stdout);
let admin;
before(async () => { admin = await session('admin'); });
after(() => assert.deepEqual(phpComplaints(), []));

test('without a login ajax.php answers 401, and the module has been asked before', async () => {
	const answer = await ajax('probe', 'who');
	assert.equal(answer.status, 401);
	assert.deepEqual(answer.json, { error: 'Not Authenticated' });
	assert.equal((await ajax('probe', 'nothing')).json.error, 'ajaxRequest declined');
});

test('a missing or foreign Referer gets 403', async () => {
	for (const referer of ['', 'http://elsewhere.example/admin/config.php', 'http://192.168.77.1:8080/admin/']) {
		const answer = await ajax('probe', 'who', { cookie: admin, referer });
		assert.equal(answer.status, 403, referer);
		assert.deepEqual(answer.json, { error: 'ajaxRequest declined - Referrer' });
	}
});

test('ajax.php checks neither section nor token: the module has to', async () => {
	const answer = await ajax('probe', 'who', { cookie: await session('reception') });
	assert.deepEqual(answer.json, { who: 'reception', authenticated: true, section: false });
});

test('a module can open a command to everybody', async () => {
	const answer = await ajax('probe', 'open', { referer: '' });
	assert.equal(answer.status, 200);
	assert.deepEqual(answer.json, { who: null, authenticated: true, section: false });
});

test('some releases accept a request from their own address without a login', async () => {
	const local = () => pbx('php', '-r', `echo file_get_contents('http://127.0.0.1/admin/ajax.php?module=probe&command=who', false,
		stream_context_create(['http' => ['header' => 'Referer: http://127.0.0.1/admin/', 'ignore_errors' => true]]));`);
	assert.equal(JSON.parse((await local()).stdout).error, 'Not Authenticated');
	sql("REPLACE INTO freepbx_settings VALUES ('SANDBOX_TRUSTS_LOOPBACK', '1')");
	assert.deepEqual(JSON.parse((await local()).stdout), { who: null, authenticated: true, section: false });
	sql("DELETE FROM freepbx_settings WHERE keyword = 'SANDBOX_TRUSTS_LOOPBACK'");
});

test('answers: an array as it is, text as a message, false as 500, an unknown command as 403', async () => {
	assert.deepEqual((await ajax('probe', 'word', { cookie: admin })).json, { status: true, message: 'done' });
	assert.equal((await ajax('probe', 'no', { cookie: admin })).status, 500);
	assert.equal((await ajax('probe', 'other', { cookie: admin })).status, 403);
	const answer = await ajax('probe', 'array', { cookie: admin });
	assert.equal(answer.headers['content-type'].split(';')[0], 'text/json');
	assert.equal(answer.json.who, 'admin');
});

test('config.php shows a login, the page, or that there is no access', async () => {
	const page = (cookie) => request(`${ADMIN}/config.php?display=probe`, { headers: cookie ? { Cookie: cookie } : {} });
	assert.match((await page()).text, /id="loginform"/);
	assert.match((await page(admin)).text, /probe &lt;b&gt;/);
	assert.match((await page(admin)).text, /id="action-bar"/);
	assert.match((await page(await session('reception'))).text, /do not have access/);
	const wrong = await request(`${ADMIN}/config.php`, { form: { username: 'admin', password: 'wrong' } });
	assert.match(wrong.text, /Invalid Username or Password/);
});

test('the server does not hide a page script from a direct request', async () => {
	assert.equal((await request(`${ADMIN}/modules/probe/page.probe.php`)).text, 'No direct script access allowed');
});

test('the key-value store keeps text, arrays and objects, long values, and a second key', async () => {
	assert.deepEqual(await probe('store'),
		['a', { x: 1 }, 2, 5000, 'b', false, ['list', 'long', 'object', 'text'], ['group'], false, []]);
	assert.deepEqual(sql('SELECT COUNT(*) FROM kvstore_FreePBX_modules_Probe'), [['0']]);
});

test('a hidden notification returns when its text changes, and its id has at most 24 characters', async () => {
	assert.deepEqual(await probe('notifications'), [1, 0, 0, 1, 0, 'rejected']);
});

test('a job that is added again keeps whether it is enabled; an invalid schedule is rejected', async () => {
	assert.deepEqual(await probe('jobs'), [1, 0, '0 * * * *', 7, 'rejected']);
});

test('jobs run as asterisk from its crontab, up to their time limit', async () => {
	assert.match((await pbx('cat', '/var/lib/asterisk/crontab')).stdout, /fwconsole job --run/);
	const ran = await asterisk('fwconsole', 'job', '--run');
	assert.match(ran.stdout, /Running probe::beat\.\.\.Done/);
	assert.equal((await pbx('stat', '-c', '%U', '/var/lib/asterisk/probe')).stdout, 'asterisk\n');
	sql("UPDATE cron_jobs SET command = 'sleep 60; echo late >>/var/lib/asterisk/probe', max_runtime = 1");
	await asterisk('fwconsole', 'job', '--run');
	assert.equal((await pbx('cat', '/var/lib/asterisk/probe')).stdout, 'beat\n');
});

test('hooks of module.xml are called: at fwconsole start, and on the dashboard', async () => {
	assert.match((await pbx('fwconsole', 'start')).stdout, /Probe was told of the start/);
	assert.match((await request(`${ADMIN}/config.php`, { headers: { Cookie: admin } })).text, /Probe is well/);
});

test('a module with a missing dependency is not installed, and an uninstalled one leaves no table, job or page', async () => {
	await pbx('fwconsole', 'ma', 'uninstall', 'probe');
	assert.deepEqual(sql("SHOW TABLES LIKE 'kvstore_FreePBX_modules_Probe'"), []);
	assert.deepEqual(sql('SELECT * FROM cron_jobs'), []);
	assert.match((await request(`${ADMIN}/config.php?display=probe`, { headers: { Cookie: admin } })).text, /do not have access/);
	sql("UPDATE modules SET enabled = 0 WHERE modulename = 'firewall'");
	const denied = await pbx('fwconsole', 'ma', 'install', 'probe');
	assert.equal(denied.code, 1);
	assert.match(denied.stdout, /needs module firewall/);
	sql("UPDATE modules SET enabled = 1 WHERE modulename = 'firewall'");
	assert.equal((await pbx('fwconsole', 'ma', 'install', 'probe')).code, 0);
});

for (const [bootstrap, jquery] of [['3', '3.1.1'], ['4', '3.7.1']]) {
	test(`the page loads jQuery ${jquery}, Bootstrap ${bootstrap} and bootstrap-table without a complaint`, async () => {
		sql(`REPLACE INTO freepbx_settings VALUES ('SANDBOX_BOOTSTRAP', '${bootstrap}')`);
		const chromium = await browser();
		try {
			const { page, complaints } = await open(chromium, { user: 'admin' });
			await page.goto(`${ADMIN}/config.php?display=probe`);
			assert.equal(await page.evaluate('$.fn.jquery'), jquery);
			assert.equal((await page.evaluate('$.fn.tooltip.Constructor.VERSION'))[0], bootstrap);
			assert.equal(await page.evaluate('$("#rows").bootstrapTable("getData").length'), 1);
			await page.evaluate('fpbxToast("Saved", "", "success")');
			assert.equal(await page.textContent('#toasts'), 'Saved');
			assert.deepEqual(complaints, []);
		} finally {
			await chromium.close();
		}
	});
}
