import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface TestProxy {
  /** `host:port`. */
  name: string;
  /** Its requests, in order: `CONNECT host:port` or `POST http://…`. */
  asked: string[];
}

/**
 * A forward proxy on loopback.
 * @param credentials `user:password` that it wants.
 */
export async function startProxy(t: TestContext, credentials: string | null = null) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    if (wanted && req.headers['proxy-authorization'] !== wanted) {
      res.writeHead(407, { 'proxy-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const { 'proxy-authorization': _, ...headers } = req.headers;
    const onward = request(req.url ?? '', { method: req.method ?? '', headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on('error', () => res.writeHead(502).end());
    req.pipe(onward);
  });
  server.on('connect', (req, client: Socket) => {
    asked.push(`CONNECT ${req.url}`);
    sockets.add(client);
    client.on('error', () => {});
    if (wanted && req.headers['proxy-authorization'] !== wanted) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${req.url}`);
    const target = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\nx-proxy: test\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    sockets.add(target);
    target.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    client.on('close', () => target.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  return { name: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked } satisfies TestProxy;
}
