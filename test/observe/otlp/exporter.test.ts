import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Batch, ListBatch } from '../../../src/observe/otlp/batch.js';
import { OtlpExporter } from '../../../src/observe/otlp/exporter.js';
import { OtlpSender } from '../../../src/observe/otlp/post.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';

interface Options {
  maxQueued?: number;
  rejects?: number;
  port?: number;
  timeoutMs?: number;
  reason?: string;
  newBatch?: () => Batch<number>;
}

class NumberBatch extends ListBatch<number> {
  constructor() {
    super((items) => Uint8Array.from(items));
  }
}

/** An exporter of numbers, each a byte, to a receiver that answers as `answer` says. */
async function open(
  t: TestContext,
  answer: (response: ServerResponse, received: number[]) => void,
  options: Options = {},
) {
  const { maxQueued = 1_000, rejects = 0, port = 0, timeoutMs = 5_000 } = options;
  const { reason = 'too old', newBatch = () => new NumberBatch() } = options;
  const batches: number[][] = [];
  const states: (string | null)[] = [];
  const server = createServer(async (request, response) => {
    const received: number[] = [];
    for await (const piece of request) received.push(...(piece as Buffer));
    batches.push(received);
    answer(response, received);
  });
  const listen = async () => {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const at = port === 0 ? await listen() : port;
  const sender = new OtlpSender({
    url: `http://127.0.0.1:${at}/v1/traces`,
    headers: async () => ({ authorization: 'Bearer token-of-ours', 'x-team': 'a' }),
    tls: async () => ({}),
    timeoutMs,
    gzips: false,
  });
  const exporter = new OtlpExporter<number>({
    signal: 'traces',
    sender,
    maxQueued,
    newBatch,
    rejected: () => ({ count: rejects, reason }),
    onState: (failure) => states.push(failure),
  });
  t.after(async () => {
    await exporter.close(100);
    server.close();
    server.closeAllConnections();
  });
  return { exporter, batches, states, listen, server };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index % 256);
const take = (response: ServerResponse) => response.writeHead(200).end();

test('items are exported together, in order, and at most a batch at a time', async (t) => {
  const { exporter, batches } = await open(t, take);
  for (const number of numbers(600)) exporter.add(number);
  await until('the exports', () => exporter.exported === 600);
  assert.deepEqual(batches.flat(), numbers(600));
  assert.deepEqual(
    batches.map(({ length }) => length),
    [256, 256, 88],
    'full ones at once, the rest together',
  );
  exporter.add(7);
  assert.equal(exporter.queued, 1);
  await until('the last', () => exporter.exported === 601);
  assert.equal(exporter.queued, 0);
  assert.equal(exporter.dropped, 0);
});

test('an item that cannot be encoded is dropped alone, and reported', async (t) => {
  class WithoutTwos extends NumberBatch {
    override add(item: number): void {
      if (item === 2) throw new Error('no 2 here');
      super.add(item);
    }
  }
  const newBatch = () => new WithoutTwos();
  const { exporter, batches, states } = await open(t, take, { newBatch });
  for (const number of [2, 1, 2, 3]) exporter.add(number);
  assert.equal(exporter.dropped, 2);
  assert.equal(exporter.queued, 2);
  assert.deepEqual(states, ['no 2 here']);
  await until('the others', () => exporter.exported === 2);
  assert.deepEqual(batches, [[1, 3]]);
  assert.deepEqual(states, ['no 2 here', null]);
});

test('a batch that cannot be encoded is dropped alone, and reported', async (t) => {
  class WithoutTwos extends ListBatch<number> {
    constructor() {
      super((items) => {
        if (items.includes(2)) throw new Error('no 2 here');
        return Uint8Array.from(items);
      });
    }
  }
  const newBatch = () => new WithoutTwos();
  const { exporter, batches, states } = await open(t, take, { newBatch });
  for (const number of numbers(256)) exporter.add(number);
  exporter.add(7);
  await until('the rest', () => exporter.exported === 1);
  assert.equal(exporter.dropped, 256);
  assert.equal(exporter.queued, 0);
  assert.deepEqual(batches, [[7]]);
  assert.deepEqual(states, ['no 2 here', null]);
});

test('a batch is used again once the receiver has taken it', async (t) => {
  let made = 0;
  const newBatch = () => {
    made++;
    return new NumberBatch();
  };
  const answers = [200, 200, 400, 200, 200];
  const { exporter, batches } = await open(
    t,
    (response) => response.writeHead(answers.shift() ?? 500).end(),
    { newBatch },
  );
  const counts: number[] = [];
  for (const number of [1, 2, 3, 4, 5]) {
    for (let i = 0; i < 256; i++) exporter.add(number);
    await until('the export', () => exporter.queued === 0);
    counts.push(made);
  }
  assert.deepEqual(counts, [1, 1, 1, 2, 2]);
  assert.deepEqual(
    batches,
    [1, 2, 3, 4, 5].map((number) => Array(256).fill(number)),
  );
});

test('an export is repeated while the receiver says so, and not when it refuses', async (t) => {
  const answers = [503, 429, 502, 504, 200, 400, 200];
  const { exporter, batches, states } = await open(t, (response) => {
    response.writeHead(answers.shift() ?? 500, { 'retry-after': '0' }).end();
  });
  exporter.add(1);
  await until('the first', () => exporter.exported === 1);
  assert.deepEqual(batches, [[1], [1], [1], [1], [1]]);
  assert.deepEqual(states, ['it answers 503', null]);
  exporter.add(2);
  await until('the refusal', () => exporter.dropped === 1);
  exporter.add(3);
  await until('the last', () => exporter.exported === 2);
  assert.deepEqual(batches.slice(5), [[2], [3]]);
  assert.deepEqual(states.slice(2), ['it answers 400', null]);
});

test('items that a receiver rejects are counted as dropped', async (t) => {
  const { exporter, states } = await open(t, take, { rejects: 2 });
  for (const number of [1, 2, 3]) exporter.add(number);
  await until('the export', () => exporter.exported === 1);
  assert.equal(exporter.dropped, 2);
  assert.deepEqual(states, ['it rejects 2: too old']);
});

test('past the bound items are dropped, those under way count, and half of it is a batch', async (t) => {
  const port = await freePort();
  const { exporter, batches, states, listen } = await open(t, take, { port, maxQueued: 4 });
  for (const number of numbers(6)) exporter.add(number);
  assert.equal(exporter.dropped, 2);
  await until('a failure', () => states.length === 1);
  assert.match(String(states[0]), /ECONNREFUSED/);
  exporter.add(9);
  assert.equal(exporter.dropped, 3);
  assert.equal(exporter.queued, 4);
  await listen();
  await until('the export', () => exporter.exported === 4);
  assert.deepEqual(batches, [
    [0, 1],
    [2, 3],
  ]);
  assert.equal(states.at(-1), null);
});

test('a receiver that does not answer is not waited for without end', async (t) => {
  const { exporter, states } = await open(t, () => {}, { timeoutMs: 50 });
  exporter.add(1);
  await until('the failure', () => states.length === 1);
  assert.equal(states[0], 'no answer within 50 ms');
  assert.equal(exporter.queued, 1);
});

test('closing exports waiting items once, and drops them on failure', async (t) => {
  const good = await open(t, take);
  for (const number of numbers(300)) good.exporter.add(number);
  await good.exporter.close(5_000);
  assert.equal(good.exporter.exported, 300);
  good.exporter.add(1);
  assert.equal(good.exporter.dropped, 1, 'nothing is taken after the end');

  const bad = await open(t, (response) => response.writeHead(503).end());
  for (const number of numbers(300)) bad.exporter.add(number);
  await until('the first try', () => bad.states.length === 1);
  await bad.exporter.close(5_000);
  assert.equal(bad.exporter.dropped, 300);
  assert.equal(bad.exporter.queued, 0);

  const silent = await open(t, () => {});
  for (const number of numbers(300)) silent.exporter.add(number);
  await until('the first', () => silent.batches.length === 1);
  await silent.exporter.close(50);
  assert.equal(silent.exporter.dropped, 300);
});

test('a reason that repeats the token that was sent is shown without it', async (t) => {
  const reason = 'no team a for token-of-ours (got "Bearer token-of-ours")';
  const { exporter, states } = await open(t, take, { rejects: 1, reason });
  exporter.add(1);
  await until('the refusal', () => states.length > 0);
  assert.deepEqual(states, ['it rejects 1: no team a for *** (got "***")']);
});
