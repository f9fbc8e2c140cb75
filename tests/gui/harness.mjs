// Shared by the GUI tests, which run inside the sandbox, in its phone's network, as root.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

/** The npm packages, in the directory that GUI_MODULES names. */
export const require = createRequire(`${process.env.GUI_MODULES}/`);
/** The sandbox's folder. */
export const DIR = process.env.GUI_DIR;
/** FreePBX's address as the phone sees it. */
export const HOST = '192.168.77.1';
export const ADMIN = `http://${HOST}/admin`;

const inside = ['--net=/proc/1/ns/net', '--'];
const run = promisify(execFile);

/** Runs a command on the PBX, as root. Its output, code and errors come back, whatever the code. */
export async function pbx(...command) {
	try {
		const { stdout, stderr } = await run('nsenter', [...inside, ...command], { maxBuffer: 64 << 20 });
		return { code: 0, stdout, stderr };
	} catch (error) {
		return { code: error.code, stdout: error.stdout, stderr: error.stderr };
	}
}

/** The same as the user asterisk. */
export const asterisk = (...command) =>
	pbx('setpriv', '--reuid', 'asterisk', '--regid', 'asterisk', '--init-groups', ...command);

/** Runs an SQL statement. Rows come back as arrays of text. */
export function sql(statement) {
	const out = execFileSync('nsenter', [...inside, 'mariadb', '--no-defaults', '--socket=/run/mysqld/mysqld.sock', '-usandbox',
		'-psandbox', '--batch', '--skip-column-names', 'asterisk'], { input: statement, maxBuffer: 64 << 20 });
	return out.toString().split('\n').filter(Boolean).map((line) => line.split('\t'));
}

/** One request, with no header or cookie but the given ones. */
export function request(url, { method = 'GET', headers = {}, form } = {}) {
	const body = form && new URLSearchParams(form).toString();
	return new Promise((resolve, reject) => {
		const sent = http.request(url, { method: form ? 'POST' : method, headers: {
			...(body !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) }),
			...headers,
		} }, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('end', () => {
				const text = Buffer.concat(parts).toString();
				let json = null;
				try { json = JSON.parse(text); } catch { /* not every answer is JSON */ }
				resolve({ status: answer.statusCode, headers: answer.headers, text, json });
			});
		});
		sent.on('error', reject);
		sent.end(body);
	});
}

/** Logs in and returns the session's cookie. */
export async function session(user) {
	const answer = await request(`${ADMIN}/config.php`, { form: { username: user, password: user } });
	return answer.headers['set-cookie'].at(-1).split(';')[0];
}

/** A request to ajax.php as the page makes it. */
export const ajax = (module, command, { cookie, referer = `${ADMIN}/config.php?display=${module}`, form, headers = {} } = {}) =>
	request(`${ADMIN}/ajax.php?module=${module}&command=${command}`, { form, headers: {
		...(cookie && { Cookie: cookie }), ...(referer && { Referer: referer }), ...headers,
	} });

/** Complaints of PHP since the sandbox started. */
export const phpComplaints = () => readFileSync(path.join(DIR, 'httpd.log'), 'utf8').split('\n')
	.filter((line) => /PHP (Warning|Notice|Deprecated|Fatal|Parse|Strict)|Uncaught/.test(line));

/** Starts a browser. */
export async function browser() {
	const { chromium } = require('playwright-core');
	return chromium.launch({
		executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update', '--disable-sync'],
	});
}

/** Opens a page in its own session. `complaints` collects errors of the console, of scripts and of requests. */
export async function open(chromium, { user, width = 1280, height = 900, language } = {}) {
	const context = await chromium.newContext({ viewport: { width, height }, locale: 'en-US' });
	if (language) {
		await context.addCookies([{ name: 'lang', value: language, url: `http://${HOST}` }]);
	}
	const page = await context.newPage();
	page.setDefaultTimeout(10_000);
	const complaints = [];
	page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(`console: ${message.text()}`));
	page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
	page.on('requestfailed', (failed) => failed.failure()?.errorText !== 'net::ERR_ABORTED'
		&& complaints.push(`request: ${failed.url()} ${failed.failure()?.errorText}`));
	page.on('response', (answer) => answer.status() >= 400 && complaints.push(`answer ${answer.status()}: ${answer.url()}`));
	if (user) {
		await page.goto(`${ADMIN}/config.php`);
		await page.fill('#username', user);
		await page.fill('#password', user);
		await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
	}
	return { page, complaints, close: () => context.close() };
}

/** Saves a picture of the page in the test's output. */
export async function picture(page, name, options = {}) {
	mkdirSync(path.join(DIR, 'screenshots'), { recursive: true });
	await page.screenshot({ path: path.join(DIR, 'screenshots', `${name}.png`), fullPage: true, ...options });
}

/** Violations of WCAG 2.0 and 2.1, A and AA, that axe-core finds: the rule, and where. */
export async function accessibility(page, within = 'main') {
	await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
	const found = await page.evaluate(([within]) => globalThis.axe.run(within, {
		runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] },
	}), [within]);
	return found.violations.map((one) => `${one.id}: ${one.help} (${one.nodes.map((node) => node.target.join(' ')).join(', ')})`);
}
