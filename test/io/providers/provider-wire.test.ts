import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startDaemon } from '../../support/daemon.js';

const body = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-note: caf\u00c3\u00a9\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/**
 * A provider that answers each complete request with these bytes, and closes idle connections as
 * configured.
 */
async function startBytes(t: TestContext, bytes: string, idleMs: number | null = null) {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = '';
    let idle: NodeJS.Timeout | undefined;
    socket.on('error', () => {}).on('close', () => clearTimeout(idle));
    socket.on('data', (piece) => {
      clearTimeout(idle);
      received += piece.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (end < 0 || received.length < end + 4 + length) return;
      heads.push(received.slice(0, end));
      received = '';
      socket.write(bytes, 'latin1');
      // Like uvicorn, which does not announce it.
      if (idleMs !== null) idle = setTimeout(() => socket.destroy(), idleMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, heads, sockets };
}

async function serve(t: TestContext, api_base: string) {
  const daemon = await startDaemon(t);
  await daemon.addProvider('raw', { api_base });
  const key = await daemon.addKey('k');
  await daemon.reload();
  const ask = (headers: Record<string, string> = {}) =>
    fetch(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'm', messages: [] }),
      signal: AbortSignal.timeout(20_000),
    });
  return { daemon, key, ask };
}

test('an unasked 100 Continue before an answer is no answer', async (t) => {
  const { url } = await startBytes(t, `HTTP/1.1 100 Continue\r\n\r\n${answer}`);
  const { ask } = await serve(t, url);
  for (let i = 0; i < 3; i++) {
    const response = await ask();
    assert.deepEqual([response.status, await response.text()], [200, body]);
  }
});

test('a provider that closes idle connections after 5 s without a word loses no request', async (t) => {
  const { url, sockets } = await startBytes(t, answer, 5_000);
  const { ask } = await serve(t, url);
  for (const idleMs of [0, 4_960, 5_000, 5_010]) {
    await pause(idleMs);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask()));
    for (const response of answers) assert.equal(response.status, 200, await response.text());
  }
  assert.ok(sockets.size > 8, 'connections were given up in time');
});

test('header values that are not ASCII pass in both directions, byte for byte', async (t) => {
  const { url, heads } = await startBytes(t, answer);
  const { daemon, key } = await serve(t, url);
  const sent = JSON.stringify({ model: 'm', messages: [] });
  const socket = connect(daemon.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let received = '';
  socket.on('data', (piece) => {
    received += piece.toString('latin1');
  });
  const title = Buffer.from('caf\u00e9 \u2192 \u65e5\u672c').toString('latin1');
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${key}\r\nx-title: ${title}\r\ncontent-type: application/json\r\ncontent-length: ${sent.length}\r\n\r\n${sent}`,
    'latin1',
  );
  await once(socket, 'close');
  assert.match(received, /^HTTP\/1\.1 200 /);
  assert.ok(received.includes('x-note: caf\u00c3\u00a9\r\n'), received);
  assert.ok(heads[0]?.includes(`x-title: ${title}`), heads[0]);
});
