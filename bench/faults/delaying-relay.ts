/**
 * `node delaying-relay.js HOST PORT TARGET DELAY_MS`: passes connections on to a port of loopback, or to
 * the path of a socket, each piece after a delay in both directions. A socket of the file system is
 * reached from every network namespace.
 */
import { connect, createServer } from 'node:net';

const [host = '', port = '', target = '', delayMs = '0'] = process.argv.slice(2);

createServer((client) => {
  const upstream = target.startsWith('/') ? connect(target) : connect(Number(target), '127.0.0.1');
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.setNoDelay();
    from.on('data', (piece) => setTimeout(() => to.writable && to.write(piece), Number(delayMs)));
    from.on('error', () => {});
    from.on('close', () => to.destroy());
  }
}).listen(Number(port), host);
