// forward.mjs FROM TO: forwards connections. FROM and TO are a port of 127.0.0.1 or the path of a socket. Two of them, one
// in the sandbox's network and one in the machine's, show the sandbox's page in the machine's browser.
import net from 'node:net';

const [from, to] = process.argv.slice(2).map((end) => (/^\d+$/.test(end) ? { port: Number(end), host: '127.0.0.1' } : { path: end }));
net.createServer((client) => {
	const server = net.connect(to);
	client.pipe(server).pipe(client);
	for (const [one, other] of [[client, server], [server, client]]) {
		// The end of a stream is passed on; an error closes both connections.
		one.on('error', () => other.destroy());
	}
}).on('error', (error) => {
	console.error(`forward: ${error.message}`);
	process.exit(1);
}).listen(from, () => console.log('ready'));
