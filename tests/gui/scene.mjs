// The PBX whose page the tests look at: feeds that list attackers, a phone that must get through, and hostile text;
// rows of the administrator's own; everything in force.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DIR, pbx } from './harness.mjs';

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
const ASTERISK = 5060;

export const apiban = ['45.134.144.12', '45.134.144.13', '62.210.149.30', '77.247.110.58', '104.37.175.137', '163.172.207.104',
	ATTACKER, '193.107.216.6', '212.83.146.239', '2a06:4880::78', '5.188.10.0/24', '10.0.0.5', PHONE];
/** Forty addresses, each on a page of its own sort of list, and text that would be a script. */
const office = [...Array.from({ length: 40 }, (_, n) => `198.18.${n}.7`.replace('198.18', '141.98')), SCRIPT, IMAGE, `${PHONE}/32`];

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
	chownSync(CONFIG, ASTERISK, ASTERISK);
	chmodSync(CONFIG, 0o640);
}

/** `more` is put at the end of the configuration. */
export async function scene({ lines = office, more = '' } = {}) {
	writeFileSync(file('apiban'), apiban.join('\n') + '\n');
	writeFileSync(file('office'), lines.join('\n') + '\n');
	writeFileSync(file('night'), '193.32.162.5\n193.32.162.6\n');
	await start('apiban-simulator', '--listen', '127.0.0.1:8080', '--list', file('apiban'), '--key', KEY, '--rate', 'none', '--stay');
	await start(process.execPath, new URL('feed.mjs', import.meta.url).pathname, '8070', file('office'));
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

[[feed]]
name = "night"
kind = "list"
url = "${file('night')}"
enabled = false

[[feed]]
name = "broken"
kind = "list"
url = "${file(IMAGE.replaceAll(' ', '_'))}"
${more}`);
	await pbx('fwconsole', 'firewall', 'trust', PHONE);
	await pbx('gui-blacklist', 'add', OWN);
	await sync();
}

/** A run by root; where another is at work, after it. */
export async function sync() {
	for (let tries = 0; tries < 100; tries += 1) {
		const { code, stderr } = await pbx('banbridge', 'sync', '--wait', '0');
		if (code !== 75) {
			return code;
		}
		if (!/run/.test(stderr)) {
			return code;
		}
	}
	throw new Error('another run holds the lock all the time');
}
