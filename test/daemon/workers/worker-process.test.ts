import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StartWorker } from '../../../src/daemon/workers/messages.js';
import { WorkerProcess } from '../../../src/daemon/workers/worker-process.js';
import { changeBetween } from '../../../src/routing/configuration-change.js';
import { configuration, credential } from '../../config/configuration-for-test.js';

const keys = Array.from({ length: 1_200 }, (_, n) => credential(`key ${n}`));
const empty = configuration([], []);
const full = configuration([], keys, 2);

/** Reports each message's type and number of credentials. */
const reporter = `
  process.on('message', ({ type, piece, change, hash }) => {
    const { removed = [], added = [] } = piece ?? change ?? {};
    process.send([type, removed.length, added.length, hash ?? '']);
  });`;

test('a worker gets a large change in pieces, each when it has taken the one before', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'worker-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'reporter.cjs');
  writeFileSync(file, reporter);
  const child = fork(file, { serialization: 'advanced' });
  t.after(() => child.kill('SIGKILL'));
  const worker = new WorkerProcess(child, 1, 1, 'full');
  const got = async () =>
    (await once(child, 'message', { signal: AbortSignal.timeout(20_000) }))[0];

  worker.change(changeBetween(empty, full), 'before it has loaded');
  worker.start({ type: 'start' } as StartWorker);
  assert.deepEqual(await got(), ['start', 0, 0, '']);

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

function sizes(removed: number, added: number): [number, number][] {
  return [500, 500, 200].map((size) => [removed * size, added * size]);
}
