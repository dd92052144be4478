import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { FrameParser, opcodes, writeFrame } from '../../../src/websocket/frames.js';
import { acceptOf } from '../../../src/websocket/handshake.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { freePort } from '../../support/free-port.js';
import { connectSocket } from '../../support/socket-client.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

const path = '/v1/realtime?model=rt';
const say = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});
const handshake = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

test('realtime sessions are relayed to a provider', async (t) => {
  const { mock } = await mockForTest(t);
  const settings = { server: { grace_period_ms: 5_000, max_body_bytes: 4_000_000 } };
  const daemon = await startDaemon(t, { settings });
  const mapping = { rt: 'mapped', 'mock-*': 'mock-*' };
  await daemon.addProvider('mock', { api_base: mock.url, model_mapping: mapping });
  const dead = `http://127.0.0.1:${await freePort()}/v1`;
  const plain = await startUpstream(t, (_request, response) => response.writeHead(200).end('{}'));
  await daemon.addProvider('dead', {
    api_base: dead,
    model_mapping: { both: 'x' },
    provider_params: { priority: 0 },
  });
  await daemon.addProvider('spare', {
    api_base: mock.url,
    model_mapping: { both: 'spare' },
    provider_params: { priority: 1 },
  });
  await daemon.addProvider('plain', { api_base: plain.url, model_mapping: { http: 'x' } });
  const key = await daemon.addKey('app');
  const few = await daemon.addKey('few', { allowed_models: ['other'] });
  await daemon.reload();
  const headers = { authorization: `Bearer ${key}` };
  const open = (at = path) => connectSocket(t, daemon.url + at, { headers });

  await t.test('both ways, with its usage recorded at the end', async () => {
    const client = await open();
    client.send({ type: 'session.update', session: {} });
    const updated = await client.next('session.updated');
    assert.deepEqual(updated.session, { model: 'mapped' });
    for (const text of ['hello', 'x'.repeat(3_000_000)]) {
      client.send(say(text));
      client.send({ type: 'response.create' });
      const { response } = await client.next('response.done');
      assert.equal((response as { status: string }).status, 'completed');
      assert.equal(
        client.events.filter(({ delta }) => delta === ` ${text.length} characters.`).length,
        1,
      );
    }
    const closed = await client.close();
    assert.equal(closed.code, 1000);
    type Row = {
      endpoint: string;
      prompt: number;
      completion: number;
      status: number;
      complete: boolean;
      model_sent: string;
    };
    let rows: Row[] = [];
    await until('the row', async () => {
      rows = await daemon.sql<Row[]>`
        SELECT endpoint, prompt_tokens AS prompt, completion_tokens AS completion, status, complete,
          model_sent FROM request_logs WHERE model = 'rt'`;
      return rows.length > 0;
    });
    const [row] = rows;
    assert.deepEqual(row, {
      endpoint: '/v1/realtime',
      prompt: 2 + 750_000,
      completion: 4,
      status: 101,
      complete: true,
      model_sent: 'mapped',
    });
  });

  await t.test('a client of Azure names a deployment', async () => {
    const client = await open('/openai/realtime?api-version=2025-04-01-preview&deployment=rt');
    client.send({ type: 'session.update', session: {} });
    assert.deepEqual((await client.next('session.updated')).session, { model: 'mapped' });
    await client.close();
  });

  await t.test('a browser names its key as a subprotocol, which no provider gets', async () => {
    const protocols = ['realtime', `openai-insecure-api-key.${key}`, 'openai-beta.realtime-v1'];
    const client = await connectSocket(t, daemon.url + path, { protocols });
    assert.equal(client.socket.protocol, 'realtime');
    client.send(say('a'));
    await client.next('conversation.item.created');
    await client.close();
    const sent = JSON.stringify(mock.stats.last);
    assert.ok(!sent.includes(key), sent);
    assert.ok(sent.includes('realtime, openai-beta.realtime-v1'), sent);
    const wrong = await connectSocket(t, daemon.url + path, {
      protocols: ['realtime', 'openai-insecure-api-key.sk-never'],
    });
    assert.equal(wrong.socket.readyState, 3);
  });

  await t.test('it ends with the provider’s status, or says how it failed', async () => {
    const asked = await open();
    asked.send(say('close 4321'));
    await until('the end', () => asked.closed() !== null);
    assert.deepEqual(asked.closed(), { code: 4321, reason: 'as asked' });
    const cut = await open('/v1/realtime?model=mock-cut-stream');
    cut.send({ type: 'response.create' });
    await until('the end', () => cut.closed() !== null);
    assert.equal(cut.closed()?.code, 1011);
    await until('the error', async () => {
      const [row] =
        await daemon.sql`SELECT error, complete FROM request_logs WHERE model = 'mock-cut-stream'`;
      return row?.error === 'upstream_failed' && row.complete === false;
    });
  });

  await t.test('an unreachable provider is followed by the next', async () => {
    const client = await open('/v1/realtime?model=both');
    client.send({ type: 'session.update' });
    assert.deepEqual((await client.next('session.updated')).session, { model: 'spare' });
    await client.close();
  });

  await t.test('a socket is refused before the handshake', async () => {
    const cases: [at: string, headers: Record<string, string>, status: number, text: RegExp][] = [
      [path, handshake, 401, /missing_api_key/],
      [path, { ...handshake, authorization: 'Bearer sk-never' }, 401, /invalid_api_key/],
      [path, { ...handshake, authorization: `Bearer ${few}` }, 403, /model_not_allowed/],
      ['/v1/realtime?model=never', { ...handshake, ...headers }, 404, /model_not_found/],
      ['/v1/realtime', { ...handshake, ...headers }, 400, /"param":"model"/],
      [path, { ...handshake, ...headers, 'sec-websocket-version': '8' }, 426, /version 13/],
      [path, { ...handshake, ...headers, 'sec-websocket-key': 'x' }, 400, /sec-websocket-key/],
      ['/v1/realtime?model=mock-status-429', { ...handshake, ...headers }, 429, /mock_status_429/],
      [
        '/v1/realtime?model=http',
        { ...handshake, ...headers },
        502,
        /does not answer by WebSocket/,
      ],
      [path, headers, 426, /is served by WebSocket/],
    ];
    for (const [at, sent, status, text] of cases) {
      const answered = await ask(daemon.url + at, { headers: sent });
      assert.equal(answered.status, status, `${at} ${answered.text}`);
      assert.match(answered.text, text);
      assert.ok(answered.headers['x-request-id']);
    }
    const posted = await ask(daemon.url + path, { method: 'POST', headers });
    assert.equal(posted.status, 405);
  });

  /** A socket after its handshake, and bytes already received. */
  async function rawSocket(): Promise<{ socket: Socket; received: () => Buffer }> {
    const socket = connect(daemon.port, '127.0.0.1');
    t.after(() => socket.destroy());
    let bytes = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
    });
    const lines = Object.entries({ ...handshake, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${lines.join('')}\r\n`);
    await until('the handshake', () => bytes.includes('\r\n\r\n'));
    const head = bytes.toString('latin1').split('\r\n\r\n')[0] ?? '';
    assert.match(head, /^HTTP\/1.1 101 /);
    assert.ok(head.includes(`sec-websocket-accept: ${acceptOf(handshake['sec-websocket-key'])}`));
    return { socket, received: () => bytes.subarray(head.length + 4) };
  }

  /** The status that the frames close with. */
  function closeCode(frames: Buffer): number | null {
    let found: number | null = null;
    const limits = { maxMessageBytes: 1e6, maxTextBytes: 1e6 };
    const onClose = (code: number | null) => {
      found = code;
    };
    new FrameParser(false, limits, { onText: () => {}, onClose }).push(frames);
    return found;
  }

  await t.test(
    'a client that breaks the protocol is told so, and its provider let go',
    async () => {
      const aborted = () => mock.stats.active;
      const cases: [frame: Buffer, code: number][] = [
        [writeFrame(opcodes.text, Buffer.from('{}')), 1002],
        [writeFrame(3, Buffer.alloc(0), Buffer.alloc(4)), 1002],
        [writeFrame(opcodes.text, Buffer.from([0xff]), Buffer.alloc(4)), 1007],
        [Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 1, 2, 3, 4]), 1009],
      ];
      for (const [frame, code] of cases) {
        const { socket, received } = await rawSocket();
        socket.write(frame);
        await until('the end', () => socket.readableEnded || socket.destroyed);
        assert.equal(closeCode(received()), code);
        await until('the end at the provider', () => aborted() === 0);
      }
    },
  );

  await t.test('a client that leaves ends the session at the provider', async () => {
    const { socket } = await rawSocket();
    await until('the session', () => mock.stats.active === 1);
    socket.destroy();
    await until('the end at the provider', () => mock.stats.active === 0);
  });

  await t.test('a session ends when its key does', async () => {
    const soon = await daemon.addKey('soon');
    await daemon.reload();
    const client = await connectSocket(t, daemon.url + path, {
      headers: { 'api-key': soon },
    });
    client.send({ type: 'session.update' });
    await client.next('session.updated');
    await daemon.sql`UPDATE credentials SET is_enabled = false WHERE name = 'soon'`;
    await daemon.reload();
    await until('the end', () => client.closed() !== null);
    assert.equal(client.closed()?.code, 1008);
  });

  await t.test(
    'a session between two answers is ended politely when the daemon stops',
    async () => {
      const client = await open();
      client.send({ type: 'session.update' });
      await client.next('session.updated');
      assert.equal(await daemon.stop(), 0);
      await until('the end', () => client.closed() !== null);
      assert.equal(client.closed()?.code, 1001);
    },
  );
});

for (const { engine, skip } of engines.filter(({ engine }) => engine !== 'net')) {
  test(`${engine} reports that it does not serve WebSocket`, { skip }, async (t) => {
    const daemon = await startDaemon(t, { engine });
    const { status, text } = await ask(daemon.url + path, { headers: handshake });
    assert.equal(status, 426);
    assert.match(text, /needs the engine net/);
  });
}
