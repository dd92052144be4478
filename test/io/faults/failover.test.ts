import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { tally } from '../../support/load.js';
import { assertNoneLost, loadOn, mockProcessForTest, more } from '../../support/load-for-test.js';
import { answerChat, startRawUpstream, startUpstream } from '../../support/upstream.js';

const head = (type: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const sse = head('text/event-stream');
const role = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n';
const errorEvent = 'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n';

const ways: [way: string, answer: (socket: Socket) => void][] = [
  ['resets the connection', (socket) => socket.resetAndDestroy()],
  ['answers nonsense', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['hangs up in the middle of its JSON', (socket) => socket.end(half)],
  ['begins its stream with an error event', (socket) => socket.write(sse + chunk(errorEvent))],
  ['closes its stream before any content', (socket) => socket.end(sse + chunk(role))],
  ['ends its stream well before any content', (socket) => socket.write(`${sse}0\r\n\r\n`)],
  ...[500, 503, 401, 403, 404, 408, 429].map((status): [string, (socket: Socket) => void] => [
    `answers ${status}`,
    (socket) => socket.write(refusal(status)),
  ]),
];
const half = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"ch';
const refusal = (status: number) =>
  `HTTP/1.1 ${status} Not Good\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n` +
  '{"error":{}}';

test('one of two providers fails in any way before its answer, and no request is lost', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const good = await mockProcessForTest(t);
  await daemon.addProvider('good', { api_base: good.url });
  const key = await daemon.addKey('alice');
  for (const [index, [way, answer]] of ways.entries()) {
    const streams = /stream/.test(way) ? 1 : 0.5;
    let asked = 0;
    const url = await startRawUpstream(t, (socket) => {
      asked++;
      answer(socket);
    });
    await daemon.addProvider(`bad-${index}`, { api_base: url });
    await daemon.reload();
    const load = loadOn(t, daemon, key, { concurrency: 16, streams });
    await more(load, 300);
    assertNoneLost(t, await load.stop(), way);
    assert.ok(asked > 0, `${way}: the provider was never asked`);
    await daemon.sql`DELETE FROM providers WHERE provider_key <> 'good'`;
  }
});

test('one of two providers is killed or stalled under load, and no request is lost', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const mocks = {
    killed: await mockProcessForTest(t, { latencyMs: 60 }),
    stalled: await mockProcessForTest(t, { latencyMs: 60 }),
    good: await mockProcessForTest(t, { latencyMs: 60 }),
  };
  for (const [name, { url }] of Object.entries(mocks)) {
    await daemon.addProvider(name, {
      api_base: url,
      model_mapping: name === 'good' ? {} : { [name]: 'x' },
      provider_params: { timeouts: { first_byte_ms: 700, idle_ms: 5_000 } },
    });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  for (const [name, signal] of [
    ['killed', 'SIGKILL'],
    ['stalled', 'SIGSTOP'],
  ] as const) {
    const load = loadOn(t, daemon, key, { model: name, concurrency: 100, streams: 0.3 });
    await more(load, 300);
    const faultMs = performance.now();
    mocks[name].kill(signal);
    await more(load, 1_500);
    const outcomes = await load.stop();
    // The signal may come between two writes of a stream, which has begun then and cannot move.
    const begun = outcomes.filter(
      ({ kind, provider, error }) => kind === 'cut' && provider === name && error !== null,
    );
    assert.ok(begun.length <= 2, `${begun.length} streams were cut`);
    const others = outcomes.filter((outcome) => !begun.includes(outcome));
    assertNoneLost(t, others, `${name} with ${signal}`);
    const last = outcomes.filter(({ provider }) => provider === name).at(-1);
    const slowest = Math.max(...outcomes.map(({ tookMs }) => tookMs));
    t.diagnostic(
      `its last answer ${Math.round((last?.startedMs ?? 0) - faultMs)} ms after, slowest ${Math.round(slowest)} ms`,
    );
    assert.ok(daemon.logs.some((line) => line.event === 'provider_ejected'));
  }
  mocks.stalled.kill('SIGCONT');
});

test('many requests that wait for a provider that stalls all move to the other', async (t) => {
  const daemon = await startDaemon(t);
  const stalled = await startUpstream(t, () => {});
  const good = await startUpstream(t, answerChat);
  await daemon.addProvider('stalled', {
    api_base: stalled.url,
    provider_params: { timeouts: { first_byte_ms: 2_500 } },
  });
  await daemon.addProvider('good', { api_base: good.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  // More than the retry budget of a quiet worker: 100 in ten seconds.
  const load = loadOn(t, daemon, key, { concurrency: 600, perSecond: 1_500 });
  await more(load, 800);
  const outcomes = await load.stop();
  assertNoneLost(t, outcomes, 'stalled');
  assert.ok(stalled.received.length > 110, `${stalled.received.length} had waited`);
});

test('streams of a provider that dies after the first content are cut with an error', async (t) => {
  const daemon = await startDaemon(t);
  const [victim, other] = [
    await mockProcessForTest(t, { chunks: 40, chunkIntervalMs: 20 }),
    await mockProcessForTest(t, { chunks: 40, chunkIntervalMs: 20 }),
  ];
  await daemon.addProvider('victim', { api_base: victim.url });
  await daemon.addProvider('other', { api_base: other.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 40, streams: 1 });
  await more(load, 50);
  victim.kill('SIGKILL');
  await more(load, 100);
  const outcomes = await load.stop();
  t.diagnostic(JSON.stringify(tally(outcomes)));
  const cut = outcomes.filter(({ kind }) => kind !== 'ok');
  assert.ok(cut.length > 0 && cut.length <= 20, `${cut.length} were cut`);
  for (const { kind, error, done, cleanEnd, provider } of cut) {
    assert.deepEqual(
      [kind, error, done, cleanEnd, provider],
      ['cut', 'upstream_failed', false, false, 'victim'],
    );
  }
});

test('no provider gets a request twice when connections are reset at any time', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const seen = { a: new Map<string, number>(), b: new Map<string, number>() };
  for (const name of ['a', 'b'] as const) {
    const { url } = await startUpstream(t, (request, response) => {
      const id = String(request.headers['x-request-id']);
      seen[name].set(id, (seen[name].get(id) ?? 0) + 1);
      const place = (seen[name].size * 7) % 10;
      if (place === 0) response.socket?.resetAndDestroy();
      else if (place === 1) response.socket?.end();
      else answerChat(request, response);
      // Idle connections are reset too, when the next request may already be on its way.
      if (place === 2)
        response.on('finish', () => setImmediate(() => response.req.socket.destroy()));
    });
    await daemon.addProvider(name, { api_base: url });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 32 });
  await more(load, 2_500);
  const outcomes = await load.stop();
  t.diagnostic(JSON.stringify(tally(outcomes)));
  for (const ids of Object.values(seen)) {
    assert.ok(ids.size > 1_000);
    assert.deepEqual(
      [...ids.values()].filter((count) => count > 1),
      [],
    );
  }
});
