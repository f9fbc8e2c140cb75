// feed.mjs PORT FILE: a list feed on loopback that serves FILE. While FILE.hold exists, answers wait.
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';

const [port, file] = process.argv.slice(2);
http.createServer((asked, answer) => {
	const give = () => {
		if (existsSync(`${file}.hold`)) {
			setTimeout(give, 50);
			return;
		}
		answer.setHeader('Content-Type', 'text/plain');
		answer.end(readFileSync(file));
	};
	give();
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
