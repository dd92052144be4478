import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildOnDisk } from '../../../src/daemon/build.js';
import { WorkerPool } from '../../../src/daemon/workers/worker-pool.js';
import { until } from '../../support/until.js';

test('a worker is not replaced from files of another build, until they fit again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pool-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'worker.cjs');
  writeFileSync(file, 'setInterval(() => {}, 1000)');
  let [asked, fits] = [0, false];
  const pool = new WorkerPool({
    file,
    count: 1,
    limiterFor: () => 'full',
    canFork: () => {
      asked++;
      return fits;
    },
    emit: () => {},
    onMessage: () => {},
    onGone: () => {},
    onPids: () => {},
  });
  t.after(() => pool.kill());
  pool.start('full');
  const [first] = pool.pids;
  assert.equal(asked, 0, 'the first workers are those of the daemon that starts');
  pool.all[0]?.kill();
  await until('the question', () => asked > 0);
  assert.deepEqual(pool.pids, []);
  fits = true;
  await until('a replacement', () => pool.pids.length === 1, 10_000);
  assert.notEqual(pool.pids[0], first);
});

test('a build is known by its files, and not at all while one is missing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'build-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = ['main.js', 'worker.js'].map((name) => join(folder, name));
  const [main = '', worker = ''] = files;
  writeFileSync(main, 'one');
  assert.equal(buildOnDisk(files), null);
  writeFileSync(worker, 'two');
  const build = buildOnDisk(files);
  assert.match(String(build), /^[0-9a-f]{16}$/);
  writeFileSync(worker, 'two, changed');
  assert.notEqual(buildOnDisk(files), build);
  writeFileSync(worker, 'two');
  assert.equal(buildOnDisk(files), build);
});

test('the file that older versions start workers from has them start their successor', async () => {
  const file = fileURLToPath(new URL('../../../src/daemon/workers/worker.js', import.meta.url));
  // Node 24 passes its test processes `--report-signal`, by which they write a file at this signal.
  process.report.reportOnSignal = false;
  const told = once(process, 'SIGUSR2', { signal: AbortSignal.timeout(20_000) });
  const child = fork(file, { serialization: 'advanced' });
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
  await told;
  assert.deepEqual(await ended, [0, null]);
});
