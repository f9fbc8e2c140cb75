// The PBX whose page the tests look at: feeds that list attackers, a phone that must get through, and hostile text;
// rows of the administrator's own; everything in force.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DIR, pbx, sql } from './harness.mjs';

/** No answer to the browser may hold it. */
export const KEY = 'k3y/Quirk+Test%42';
/** Listed by apiban and blocked. */
export const ATTACKER = '185.53.88.78';
/** Listed by apiban too, and a phone that the administrator trusts. */
export const PHONE = '212.58.244.20';
/** A row of the administrator's own. */
export const OWN = '91.212.42.42';
export const SCRIPT = '<script>globalThis.broken=1</script>';
const IMAGE = '<img src=x onerror=globalThis.broken=1>';
const CONFIG = '/etc/asterisk/banbridge.toml';
/** Where asterisk can read it, unlike the sandbox's folder. */
const NIGHT = '/var/lib/asterisk/night';
const { uid: ASTERISK, gid: ASTERISKS } = statSync('/etc/freepbx.conf');

export const apiban = ['45.134.144.12', '45.134.144.13', '62.210.149.30', '77.247.110.58', '104.37.175.137', '163.172.207.104',
	ATTACKER, '193.107.216.6', '212.83.146.239', '2a06:4880::78', '5.188.10.0/24', '10.0.0.5', PHONE];
/** Forty addresses, each on a page of its own sort of list, and text that would be a script. */
export const office = [...Array.from({ length: 40 }, (_, n) => `198.18.${n}.7`.replace('198.18', '141.98')), SCRIPT, IMAGE, `${PHONE}/32`];

/** A file that only this test sees; the sandbox has its folder under the same path. */
export const file = (name) => path.join(DIR, name);

/** Starts a helper on the PBX; it ends with the sandbox. */
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

/** Everything as it was at first: the configuration, the lists, who is allowed and what was let through. */
export async function reset({ lines = office } = {}) {
	rmSync(`${file('office')}.hold`, { force: true });
	writeFileSync(file('office'), lines.join('\n') + '\n');
	configure(`# The office's own words stay in here.
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
	for (const [what, back, field] of [['--allowed', 'unallow', 'target'], ['--released', 'unrelease', 'prefix']]) {
		const { code, stdout } = await pbx('banbridge', 'list', what, '--json');
		for (const one of code === 0 ? JSON.parse(stdout) : []) {
			await patient('banbridge', back, one[field]);
		}
	}
	// The feed's limit of requests is not what these tests are about.
	if (sql("SHOW TABLES LIKE 'banbridge_request'").length > 0) {
		sql('DELETE FROM banbridge_request');
	}
	await patient('banbridge', 'sync', '--full', '--wait', '0');
}

/** The same without what is wrong on purpose: three feeds that are well. */
export async function quiet() {
	writeFileSync(file('office'), office.filter((line) => /^[\d.]+$/.test(line)).join('\n') + '\n');
	const text = readFileSync(CONFIG, 'utf8');
	configure(text.slice(0, text.lastIndexOf('[[feed]]')).replace('enabled = false\n', '').replaceAll('"office"', '"voipbl"').replaceAll('"night"', '"blocklist-sip"'));
	await patient('banbridge', 'sync', '--full', '--wait', '0');
}

/** A command by root; where a run is at work, after it. */
async function patient(...command) {
	for (let tries = 0; tries < 100; tries += 1) {
		const done = await pbx(...command);
		if (done.code !== 75) {
			return done;
		}
	}
	throw new Error(`${command.join(' ')}: another run is at work all the time`);
}

/** A run by root. */
export const sync = () => patient('banbridge', 'sync', '--wait', '0');
