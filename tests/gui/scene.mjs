// The PBX of the page's tests: feeds that list attackers, a protected phone and hostile text, a row of yours, and
// everything blocked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DIR, pbx, sql } from './harness.mjs';

/** No answer to the browser may contain it. */
export const KEY = 'k3y/Quirk+Test%42';
/** Listed by apiban and blocked. */
export const ATTACKER = '185.53.88.78';
/** Also listed by apiban: a phone in the firewall's Trusted zone. */
export const PHONE = '212.58.244.20';
/** A row of yours. */
export const OWN = '91.212.42.42';
export const SCRIPT = '<script>globalThis.broken=1</script>';
const IMAGE = '<img src=x onerror=globalThis.broken=1>';
const CONFIG = '/etc/asterisk/banbridge.toml';
/** Readable for asterisk, unlike the sandbox's directory. */
const NIGHT = '/var/lib/asterisk/night';
const { uid: ASTERISK, gid: ASTERISKS } = statSync('/etc/freepbx.conf');

export const apiban = ['45.134.144.12', '45.134.144.13', '62.210.149.30', '77.247.110.58', '104.37.175.137', '163.172.207.104',
	ATTACKER, '193.107.216.6', '212.83.146.239', '2a06:4880::78', '5.188.10.0/24', '10.0.0.5', PHONE];
/** Forty addresses, and text that would be a script. */
export const office = [...Array.from({ length: 40 }, (_, n) => `198.18.${n}.7`.replace('198.18', '141.98')), SCRIPT, IMAGE, `${PHONE}/32`];

/** A file of this test. The sandbox has the directory under the same path. */
export const file = (name) => path.join(DIR, name);

/** Starts a process on the PBX, which ends with the sandbox. */
async function start(...command) {
	const child = spawn('nsenter', ['--net=/proc/1/ns/net', '--', ...command], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
	await once(child.stdout, 'data');
	child.unref();
	child.stdout.unref();
}

export function configure(text) {
	writeFileSync(CONFIG, text);
	chownSync(CONFIG, ASTERISK, ASTERISKS);
	chmodSync(CONFIG, 0o640);
}

export async function scene({ lines = office } = {}) {
	writeFileSync(file('apiban'), apiban.join('\n') + '\n');
	writeFileSync(NIGHT, '193.32.162.5\n193.32.162.6\n');
	await start('apiban-simulator', '--listen', '127.0.0.1:8080', '--list', file('apiban'), '--key', KEY, '--rate', 'none', '--stay');
	await start(process.execPath, new URL('feed.mjs', import.meta.url).pathname, '8070', file('office'));
	await pbx('fwconsole', 'firewall', 'trust', PHONE);
	await pbx('gui-blacklist', 'add', OWN);
	await reset({ lines });
}

/** Restores the initial state: the configuration, the lists, the allow list and the unblocked addresses. */
export async function reset({ lines = office } = {}) {
	rmSync(`${file('office')}.hold`, { force: true });
	writeFileSync(file('office'), lines.join('\n') + '\n');
	configure(`# This comment stays.
[[feed]]
name = "apiban"
kind = "apiban"
key = "${KEY}"
url = "http://127.0.0.1:8080/api"

[[feed]]
name = "office"
kind = "list"
url = "http://127.0.0.1:8070/list"
interval = "0s"

[[feed]]
name = "night"
kind = "list"
url = "${NIGHT}"
enabled = false

[[feed]]
name = "broken"
kind = "list"
url = "${file(IMAGE.replaceAll(' ', '_'))}"
`);
	for (const [what, back, field] of [['--allowed', ['unallow'], 'target'], ['--unblocked', ['unblock', '--undo'], 'address']]) {
		const { code, stdout } = await pbx('banbridge', 'list', what, '--json');
		for (const one of code === 0 ? JSON.parse(stdout) : []) {
			await patient('banbridge', ...back, one[field]);
		}
	}
	// These tests are not about the feed's rate limit.
	if (sql("SHOW TABLES LIKE 'banbridge_request'").length > 0) {
		sql('DELETE FROM banbridge_request');
	}
	await patient('banbridge', 'sync', '--full', '--wait', '0');
}

/** The same without the deliberate faults: three working feeds. */
export async function quiet() {
	writeFileSync(file('office'), office.filter((line) => /^[\d.]+$/.test(line)).join('\n') + '\n');
	const text = readFileSync(CONFIG, 'utf8');
	configure(text.slice(0, text.lastIndexOf('[[feed]]')).replace('enabled = false\n', '').replaceAll('"office"', '"voipbl"').replaceAll('"night"', '"blocklist-sip"'));
	await patient('banbridge', 'sync', '--full', '--wait', '0');
}

/** A command as root, after any run in progress. */
async function patient(...command) {
	for (let tries = 0; tries < 100; tries += 1) {
		const done = await pbx(...command);
		if (done.code !== 75) {
			return done;
		}
	}
	throw new Error(`${command.join(' ')}: another run is always in progress`);
}

/** A run as root. */
export const sync = () => patient('banbridge', 'sync', '--wait', '0');
