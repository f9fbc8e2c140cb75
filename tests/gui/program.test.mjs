// How the module runs the program, tested with misbehaving programs in its place.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DIR, pbx } from './harness.mjs';

const PLACE = '/usr/local/bin/banbridge';

/** Installs a shell script in the program's place. */
async function program(script) {
	const file = path.join(DIR, 'program');
	writeFileSync(file, `#!/bin/sh\n${script}\n`);
	assert.equal((await pbx('install', '-m', '755', file, PLACE)).code, 0);
}

/** The result of Program::run, and the answer for the page. */
async function run(args, options = '', environment = []) {
	const code = `foreach (array('Program', 'Commands') as $file) {
		require "/var/www/html/admin/modules/banbridge/$file.php";
	}
	$result = FreePBX\\modules\\Banbridge\\Program::run(json_decode($argv[1], true), array(${options}));
	echo json_encode(array($result, FreePBX\\modules\\Banbridge\\Commands::answer($result)));`;
	const { code: exit, stdout, stderr } = await pbx('env', ...environment, 'php', '-d', 'display_errors=stderr', '-r', code, '--', JSON.stringify(args));
	assert.equal(exit, 0, stderr);
	assert.equal(stderr, '');
	const [result, answer] = JSON.parse(stdout);
	return { result, answer };
}

test('text from a user is never on a command line: it goes unchanged to standard input, as JSON', async () => {
	await program('words=$*; printf \'{"words":"%s","request":%s}\' "$words" "$(cat)"');
	const typed = ['check', '--json', '--', '$(id) `id` ; "\' \\ ü\t<b>'];
	const { result, answer } = await run(typed, '"stdin" => "two\\nlines", "key" => "secret"');
	assert.equal(result.code, 0);
	assert.deepEqual(answer.data, { words: 'call', request: { args: typed, stdin: 'two\nlines', env: { BANBRIDGE_APIBAN_KEY: 'secret' }, detach: false } });
});
test('nothing from the web server\'s environment reaches the program except its paths', async () => {
	await program('cat >/dev/null; printf \'"%s"\' "$(env | sort | tr \'\\n\' \' \')"');
	const { answer } = await run([], '', ['HTTP_PROXY=http://evil.example', 'https_proxy=http://evil.example', 'LD_PRELOAD=', 'BANBRIDGE_CONFIG=/etc/other.toml']);
	assert.match(answer.data, /BANBRIDGE_CONFIG=\/etc\/other\.toml/);
	assert.doesNotMatch(answer.data, /evil|LD_PRELOAD|PHP/);
});
test('a program that does not answer is ended, with a message', async () => {
	await program('echo $$ >/tmp/program.pid; exec sleep 1000');
	const { result, answer } = await run(['status'], '"seconds" => 1');
	assert.equal(result.code, null);
	assert.equal(answer.status, false);
	assert.match(answer.message, /did not answer within 1 s/);
	assert.notEqual((await pbx('sh', '-c', 'kill -0 $(cat /tmp/program.pid)')).code, 0);
});
test('an endless answer is rejected', async () => {
	await program('exec yes');
	assert.match((await run(['list'])).answer.message, /too long/);
});
test('an error is passed on unchanged, with its code, and with bytes that are not text replaced', async () => {
	await program('cat >/dev/null; printf "error: the key\\377 is not accepted <b>\\n" >&2; exit 77');
	const { answer } = await run(['status']);
	assert.deepEqual(answer, { status: false, code: 77, message: 'error: the key? is not accepted <b>', data: null });
});
test('a program that exits without reading, prints nothing or prints no JSON has failed', async () => {
	await program('exit 3');
	assert.match((await run(['restore'], '"stdin" => str_repeat("x", 900000)')).answer.message, /exited with code 3 and printed nothing/);
	await program('cat >/dev/null');
	assert.match((await run(['status'])).answer.message, /Could not read/);
	await program('cat >/dev/null; echo "<html>"');
	assert.equal((await run(['status'])).answer.status, false);
});
test('a missing program is reported', async () => {
	await pbx('rm', PLACE);
	assert.match((await run(['status'])).answer.message, /is not installed/);
});
