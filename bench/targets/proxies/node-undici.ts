/** A bare proxy: `node:http` in front, undici `request()` behind. Arguments: port, upstream origin. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { Pool } from 'undici';

const [port, upstream = ''] = process.argv.slice(2);
const pool = new Pool(upstream, { connections: 1024 });
createServer((request, response) => {
  forward(request, response).catch(() => response.destroy());
}).listen(Number(port), '127.0.0.1');

async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const { statusCode, headers, body } = await pool.request({
    method: request.method === 'POST' ? 'POST' : 'GET',
    path: request.url ?? '/',
    headers: { 'content-type': 'application/json', authorization: 'Bearer mock' },
    body: chunks.length === 0 ? null : Buffer.concat(chunks),
  });
  const { connection: _, 'transfer-encoding': __, 'keep-alive': ___, ...kept } = headers;
  response.writeHead(statusCode, kept);
  pipeline(body, response, () => {});
}
