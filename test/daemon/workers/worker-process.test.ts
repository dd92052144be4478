import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { on } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StartWorker } from '../../../src/daemon/workers/messages.js';
import { WorkerProcess } from '../../../src/daemon/workers/worker-process.js';
import { changeBetween } from '../../../src/routing/configuration-change.js';
import { configuration, credential } from '../../config/configuration-for-test.js';

const keys = Array.from({ length: 1_200 }, (_, n) => credential(`key ${n}`));
const empty = configuration([], []);
const full = configuration([], keys, 2);

/** Reports each message's type and number of credentials. */
const reporter = `
  process.on('message', ({ type, piece, change, hash, configuration }) => {
    const { removed = [], added = configuration?.credentials ?? [] } = change ?? {};
    const [before, after] = piece ? [piece.removed.ids, piece.added.ids] : [removed, added];
    process.send([type, before.length, after.length, hash ?? '']);
  });`;

test('a worker gets a large change in pieces, each when it has taken the one before', async (t) => {
  const { worker, got } = reportingWorker(t);
  worker.engine = 'net';
  worker.change(changeBetween(empty, full), 'before it has loaded');
  worker.start({ type: 'start', configuration: full, hash: 'first of all' } as StartWorker);
  assert.deepEqual(await got(), ['start', 0, 1_200, 'first of all']);

  worker.change(changeBetween(empty, full), 'first');
  worker.change(changeBetween(full, empty), 'second');
  for (const [removed, added] of [...sizes(0, 1), ...sizes(1, 0)]) {
    assert.deepEqual(await got(), ['credentials', removed, added, '']);
    worker.send({ type: 'thaw' });
    assert.deepEqual(await got(), ['thaw', 0, 0, ''], 'nothing more has come');
    worker.taken();
    if (added === 200) assert.deepEqual(await got(), ['configuration', 0, 0, 'first']);
  }
  assert.deepEqual(await got(), ['configuration', 0, 0, 'second']);

  worker.change(changeBetween(empty, { ...full, credentials: keys.slice(0, 500) }), 'small');
  assert.deepEqual(await got(), ['configuration', 0, 500, 'small']);
});

test('a worker that starts with many keys gets them in pieces, which a later change follows', async (t) => {
  const { worker, got } = reportingWorker(t);
  const many = configuration(
    [],
    [...Array(22_000).keys()].map((n) => credential(`key ${n}`)),
  );
  worker.start({ type: 'start', configuration: many, hash: 'many' } as StartWorker);
  worker.change(changeBetween(many, { ...many, credentials: many.credentials.slice(1) }), 'later');
  assert.deepEqual(await got(), ['start', 0, 0, 'many']);
  const piece = (added: number) => ['credentials', 0, added, ''];
  for (let n = 0; n < 3; n++) assert.deepEqual(await got(), piece(5_000));
  worker.send({ type: 'thaw' });
  assert.deepEqual(await got(), ['thaw', 0, 0, ''], 'no fourth one before the first is taken');
  worker.taken();
  assert.deepEqual(await got(), piece(5_000));
  worker.taken();
  assert.deepEqual(await got(), piece(2_000));
  worker.taken();
  assert.deepEqual(await got(), ['configuration', 0, 0, 'many']);
  assert.deepEqual(await got(), ['configuration', 1, 0, 'later']);
});

/** A worker process that only reports, and the next of its reports. */
function reportingWorker(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'worker-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'reporter.cjs');
  writeFileSync(file, reporter);
  const child = fork(file, { serialization: 'advanced' });
  t.after(() => child.kill('SIGKILL'));
  const reports = on(child, 'message', { signal: AbortSignal.timeout(20_000) });
  const got = async () => (await reports.next()).value[0];
  return { worker: new WorkerProcess(child, 1, 1, 'full'), got };
}

function sizes(removed: number, added: number): [number, number][] {
  return [500, 500, 200].map((size) => [removed * size, added * size]);
}
