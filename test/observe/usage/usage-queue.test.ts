import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { RequestFinished } from '../../../src/observe/request-event.js';
import {
  maxBatchRows,
  UsageQueue,
  type UsageQueueOptions,
} from '../../../src/observe/usage/usage-queue.js';
import { type UsageRow, usageRow } from '../../../src/observe/usage/usage-row.js';
import { UsageSpool } from '../../../src/observe/usage/usage-spool.js';
import { until } from '../../support/until.js';
import { finished } from './finished.js';

test('rows are stored in batches, a few of them at a time, and each batch in order', async () => {
  let storing = 0;
  let most = 0;
  const { queue, batches } = queueOf({
    insert: async () => {
      storing += 1;
      most = Math.max(most, storing);
      await pause(20);
      storing -= 1;
    },
  });
  const rows = add(queue, 7 * maxBatchRows + 10);
  assert.equal(queue.depth, rows.length);
  await queue.close(5_000);
  assert.equal(most, 4);
  assert.deepEqual(
    batches.map(({ length }) => length),
    [...Array<number>(7).fill(maxBatchRows), 10],
  );
  assert.deepEqual(batches.flat(), rows);
  assert.deepEqual([queue.depth, queue.dropped], [0, 0]);
});

test('while the database is slow the spool takes what memory would drop', async (t) => {
  const spool = await UsageSpool.open(await temporaryDirectory(t), 1e9);
  const told: string[] = [];
  const release = new EventEmitter();
  let isSlow = true;
  const stored = new Set<string>();
  const { queue } = queueOf({
    spool,
    maxRows: 10_000,
    onState: (state) => told.push(state),
    onDrop: () => told.push('dropped'),
    insert: async (rows) => {
      if (isSlow) await once(release, 'fast');
      for (const { uid } of rows) stored.add(uid);
    },
  });
  const rows: UsageRow[] = [];
  for (let i = 0; i < 15; i++) {
    rows.push(...add(queue, 2_000));
    await until('room', () => queue.depth - spool.rows <= 8_000);
  }
  assert.equal(queue.depth, 30_000);
  assert.ok(spool.rows >= 20_000, `${spool.rows} in the spool`);
  isSlow = false;
  release.emit('fast');
  await until('all is stored', () => queue.depth === 0);
  assert.deepEqual([stored.size, queue.dropped], [30_000, 0]);
  assert.deepEqual(told, []);
  await queue.close(5_000);
});

test('recurring failures are reported once a minute, and recovery when the queue is empty', async () => {
  const states: string[] = [];
  let calls = 0;
  let isFlapping = true;
  const { queue } = queueOf({
    onState: (state) => states.push(state),
    insert: async () => {
      calls += 1;
      if (isFlapping && calls % 2 === 0) throw new Error('away');
    },
  });
  for (let i = 0; i < 30; i++) {
    add(queue, maxBatchRows);
    await new Promise(setImmediate);
  }
  await until('many calls', () => calls > 20);
  assert.deepEqual(states.slice(0, 1), ['failing']);
  isFlapping = false;
  await queue.close(5_000);
  assert.equal(states.filter((state) => state === 'failing').length, 1);
  assert.equal(states.at(-1), 'working');
});

test('a few rows are stored without waiting for more', async () => {
  const told = new EventEmitter();
  const { queue, batches } = queueOf({ insert: async () => void told.emit('stored') });
  const rows = add(queue, 3);
  await once(told, 'stored');
  assert.deepEqual(batches, [rows]);
  await queue.close(5_000);
});

test('rows wait while storing fails, and none is lost', async () => {
  const states: string[] = [];
  let failures = 3;
  const { queue, batches } = queueOf({
    insert: async () => {
      if (failures-- > 0) throw new Error('away');
    },
    onState: (state, error) => states.push(`${state} ${(error as Error | undefined)?.message}`),
  });
  const rows = add(queue, 5);
  await queue.close(5_000);
  assert.deepEqual(batches.at(-1), rows);
  assert.equal(batches.length, 4);
  assert.deepEqual(states, ['failing away', 'working undefined']);
  assert.deepEqual([queue.depth, queue.dropped], [0, 0]);
});

test('past the bound new rows are dropped, counted and reported once', async () => {
  const told = new EventEmitter();
  let drops = 0;
  const { queue, batches } = queueOf({
    insert: async () => void (await once(told, 'release')),
    maxRows: 10,
    onDrop: () => {
      drops += 1;
    },
  });
  const rows = add(queue, 15);
  assert.deepEqual([queue.depth, queue.dropped, drops], [10, 5, 1]);
  const closed = queue.close(5_000);
  await until('the batch', () => batches.length === 1);
  told.emit('release');
  await closed;
  assert.deepEqual(batches.flat(), rows.slice(0, 10));
  assert.equal(queue.dropped, 5);
});

test('only the refused row of a batch is dropped', async () => {
  const stored: UsageRow[] = [];
  const reasons: unknown[] = [];
  const { queue } = queueOf({
    insert: async (rows) => {
      if (rows.some(({ request_id: id }) => id === 'req-6')) throw new RangeError('spoiled');
      stored.push(...rows);
    },
    isRefusal: (error) => error instanceof RangeError,
    onDrop: (error) => reasons.push(error),
  });
  const rows = add(queue, 20);
  await queue.close(5_000);
  assert.deepEqual(
    stored,
    rows.filter((row) => row.request_id !== 'req-6'),
  );
  assert.equal(queue.dropped, 1);
  assert.match(String(reasons[0]), /spoiled/);
});

test('closing ends at its deadline, and remaining rows count as dropped', async () => {
  const { queue } = queueOf({
    insert: async () => {
      throw new Error('away');
    },
  });
  add(queue, 4);
  await queue.close(600);
  assert.equal(queue.dropped, 4);
  add(queue, 1);
  assert.equal(queue.dropped, 5);
});

test('rows go to the spool while storing fails, and are stored once each, in order', async (t) => {
  const spool = await UsageSpool.open(await temporaryDirectory(t), 1e9);
  let isAway = true;
  const stored: string[] = [];
  const { queue } = queueOf({
    spool,
    insert: async (rows) => {
      if (isAway) throw new Error('away');
      stored.push(...rows.map(({ request_id }) => request_id));
    },
  });
  const rows = add(queue, 12_000);
  await until('the spool fills', () => spool.rows >= 7_000);
  rows.push(...add(queue, 500));
  assert.equal(queue.depth, 12_500);
  isAway = false;
  await until('all is stored', () => queue.depth === 0);
  assert.equal(stored.length, rows.length);
  assert.equal(new Set(stored).size, 12_000);
  assert.equal(queue.dropped, 0);
});

test('rows not stored at the end are stored by the next process', async (t) => {
  const directory = await temporaryDirectory(t);
  const first = queueOf({
    spool: await UsageSpool.open(directory, 1e9),
    insert: async () => {
      throw new Error('away');
    },
  });
  const rows = add(first.queue, 1_500);
  await first.queue.close(600);
  assert.equal(first.queue.dropped, 0);

  const spool = await UsageSpool.open(directory, 1e9);
  assert.equal(spool.rows, 1_500);
  const stored: UsageRow[] = [];
  const second = queueOf({
    spool,
    insert: async (batch) => {
      stored.push(...batch);
    },
  });
  second.queue.start();
  await until('all is stored', () => second.queue.depth === 0);
  const byUid = (a: UsageRow, b: UsageRow) => a.uid.localeCompare(b.uid);
  assert.deepEqual(stored.sort(byUid), JSON.parse(JSON.stringify(rows)).sort(byUid));
  await until('the spool is empty', async () => (await readdir(directory)).length === 0);
});

test('a full spool leaves the rest in memory', async (t) => {
  const spool = await UsageSpool.open(await temporaryDirectory(t), 1_000);
  const [row] = add(queueOf({}).queue, 1);
  assert.ok(row);
  assert.equal(await spool.append([row]), true);
  assert.equal(await spool.append([row, row]), false);
  assert.equal(spool.rows, 1);
});

test('rows past the limit of bodies wait without theirs, and say so', async () => {
  const { queue, batches } = queueOf({});
  const body = { bytes: Buffer.alloc(65_536, 'x'), totalBytes: 65_536 };
  const bodies = { request: body, response: body };
  for (let i = 0; i < 400; i++) queue.add(rowOf({ requestId: `req-${i}`, bodies }));
  await queue.close(5_000);
  const stored = batches.flat();
  assert.equal(stored.length, 400);
  assert.equal(stored[255]?.response_body?.length, 65_536);
  assert.equal(stored[256]?.response_body, '…[not stored: too much waited]');
  assert.equal(queue.dropped, 0);

  queue.add(rowOf({ bodies }));
  assert.equal(queue.dropped, 1, 'closed');
});

test('storing or spooling rows frees room for bodies', async (t) => {
  const spool = await UsageSpool.open(await temporaryDirectory(t), 1e9);
  let isAway = true;
  const { queue, batches } = queueOf({
    spool,
    insert: async () => {
      if (isAway) throw new Error('away');
    },
  });
  const body = { bytes: Buffer.alloc(65_536, 'x'), totalBytes: 65_536 };
  const bodies = { request: body, response: body };
  const addMany = () => {
    for (let i = 0; i < 200; i++) queue.add(rowOf({ requestId: `req-${i}`, bodies }));
  };
  addMany();
  await until('the spool fills', () => spool.rows === 200);
  addMany();
  await until('the spool fills', () => spool.rows === 400);
  isAway = false;
  await until('all is stored', () => queue.depth === 0);
  const stored = batches.slice(-2).flat();
  assert.equal(stored.length, 400);
  assert.ok(stored.every(({ request_body }) => request_body?.length === 65_536));
});

test('bodies may fill half of the spool, rows all of it', async (t) => {
  const spool = await UsageSpool.open(await temporaryDirectory(t), 4_000);
  const body = { bytes: Buffer.alloc(1_000, 'x'), totalBytes: 1_000 };
  const row = rowOf({ bodies: { request: body, response: { ...body, bytes: Buffer.alloc(0) } } });
  assert.equal(await spool.append([row]), true);
  assert.equal(await spool.append([row]), true);
  const first = await spool.take();
  assert.deepEqual(first?.rows, [row]);
  await spool.remove(first?.name ?? '');
  const [second] = (await spool.take())?.rows ?? [];
  assert.equal(second?.request_body, '…[not stored: too much waited]');
  assert.equal(second?.uid, row.uid);
});

function rowOf(changes: Partial<RequestFinished>): UsageRow {
  return usageRow(finished(changes), null, null) ?? assert.fail();
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'llmproxy-spool-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

function queueOf({ insert, ...options }: Partial<UsageQueueOptions>) {
  const batches: UsageRow[][] = [];
  const queue = new UsageQueue({
    isRefusal: () => false,
    maxRows: 100_000,
    spool: null,
    firstRetryMs: 1,
    ...options,
    insert: async (rows) => {
      batches.push(rows);
      await insert?.(rows);
    },
  });
  return { queue, batches };
}

function add(queue: UsageQueue, count: number): UsageRow[] {
  const rows = Array.from({ length: count }, (_, index) => {
    const row = usageRow(finished({ requestId: `req-${index}` }), null, null);
    return row ?? assert.fail();
  });
  for (const row of rows) queue.add(row);
  return rows;
}
