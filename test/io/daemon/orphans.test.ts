import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startSteadyLoad } from '../../../bench/faults/steady-load.js';
import { canReusePort, openListenSocket } from '../../../src/daemon/workers/listen-socket.js';
import type { Sql } from '../../../src/db/client.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { startGateway, whoAnswers } from '../../support/gateway.js';
import { isRunning, until } from '../../support/until.js';

const skip = existsSync('/proc/self/stat') ? false : 'needs /proc';

for (const handed of [true, false]) {
  const cannot = handed || canReusePort ? skip : 'needs Node 22.12, or a socket of systemd';
  const how = handed ? 'on a socket of systemd' : 'on a socket of its own';
  test(
    `after kill -9 of the control process ${how} the workers serve until another one starts`,
    {
      skip: cannot,
    },
    (t) => surviveCrash(t, handed),
  );
}

async function surviveCrash(t: TestContext, handed: boolean): Promise<void> {
  const socket = handed ? await openListenSocket('127.0.0.1', 0) : null;
  t.after(() => socket?.close());
  const shared = socket ? { listenFd: socket.fd } : {};
  const first = await startDaemon(t, { workers: 2, ...shared });
  if (socket) assert.equal(first.port, socket.port);
  const { mock } = await mockForTest(t, { chunks: 20, chunkIntervalMs: 20 });
  await first.addProvider('mock', { api_base: mock.url });
  const key = await first.addKey('alice');
  const [waiting, orphaned] = [await first.addKey('waiting'), await first.addKey('orphaned')];
  await first.reload();
  const orphans = first.workerPids();
  const { url, port, home, sql, dbUrl } = first;
  const load = startSteadyLoad({ url, key, model: 'gpt-4o', keepAlive: 2, fresh: 1, streams: 2 });
  // If the test failed, it would continue and keep this process alive.
  t.after(async () => void (await load.stop()));
  await until('streams', () => load.result.answered.streams > 2);
  const rowsOf = async (name: string) => {
    const [row] = await sql`
      SELECT count(*)::int AS rows FROM request_logs WHERE credential_name = ${name}`;
    return Number(row?.rows);
  };
  await whileNoneIsStored(sql, async () => {
    for (let n = 0; n < 3; n++) assert.equal((await askChat(url, waiting, 'gpt-4o')).status, 200);
    await until('the rows on disk', () => journalOf(home).split('"waiting"').length === 4);
    first.kill('SIGKILL');
  });
  const before = load.result.answered.streams;
  await until('streams from orphans', () => load.result.answered.streams > before + 6);
  assert.ok(orphans.every(isRunning));
  for (let n = 0; n < 5; n++) assert.equal((await askChat(url, orphaned, 'gpt-4o')).status, 200);

  const database = { dbUrl: dbUrl ?? '', sql };
  const second = await startDaemon(t, { workers: 2, home, port, database, ...shared });
  await until('the end of the orphans', () => !orphans.some(isRunning));
  await until('the rows of before', async () => (await rowsOf('waiting')) === 3);
  await until('the rows of orphans', async () => (await rowsOf('orphaned')) === 5);
  const after = load.result.answered.streams;
  await until('streams from the new workers', () => load.result.answered.streams > after + 3);
  const { answered, failures } = await load.stop();
  t.diagnostic(JSON.stringify({ ...answered, failures: [...failures] }));
  // Two sockets on one address: connections queued in that of the orphans are lost with it.
  if (!handed) failures.delete('fresh: ECONNRESET');
  assert.deepEqual([...failures], []);
  assert.equal(await second.stop(), 0);
}

/** Does something while rows wait for the table to be free. */
async function whileNoneIsStored(sql: Sql, work: () => Promise<void>): Promise<void> {
  await sql.begin(async (locking) => {
    await locking`LOCK TABLE request_logs IN ACCESS EXCLUSIVE MODE`;
    await work();
  });
}

function journalOf(home: string): string {
  const folders = readdirSync(home, { recursive: true, encoding: 'utf8' });
  const files = folders.filter((name) => /journal-[^/]*\.jsonl$/.test(name));
  return files.map((name) => readFileSync(join(home, name), 'utf8')).join('');
}

for (const [what, signal] of [
  ['gone', 'SIGKILL'],
  ['stalled', 'SIGSTOP'],
] as const) {
  test(`a limit holds over workers whose control process is ${what}`, { skip }, async (t) => {
    const settings = { server: { orphan_grace_ms: 4_000 } };
    const { daemon } = await startGateway(t, { p: {} }, { workers: 2, settings });
    const rate = 10;
    const key = await daemon.addKey('limited', { rate_limit: rate });
    await daemon.reload();
    const workers = daemon.workerPids();
    daemon.kill(signal);
    let admitted = 0;
    const startMs = performance.now();
    while (performance.now() - startMs < 3_500) {
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => askChat(daemon.url, key, 'm')),
      );
      admitted += answers.filter(({ status }) => status === 200).length;
      await pause(20);
    }
    const seconds = (performance.now() - startMs) / 1000;
    t.diagnostic(`${admitted} admitted in ${seconds.toFixed(1)} s`);
    assert.ok(admitted <= rate * (seconds + 1), `${admitted} admitted`);
    assert.ok(admitted >= rate, `${admitted} admitted`);
    if (signal === 'SIGSTOP') {
      daemon.kill('SIGCONT');
      await daemon.reload();
      assert.deepEqual(daemon.workerPids(), workers);
    } else {
      await until('the end of the orphans', () => !workers.some(isRunning));
    }
  });
}

test('a second daemon is refused while the first one runs', { skip }, async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  const again = await daemon.cli(['serve', '--port', String(daemon.port)]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /another llmproxy runs|port is in use/);
  assert.equal(await whoAnswers(daemon, key), 'p');
});

test('requests answered by a worker are counted, though it is killed soon after', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  const [victim = 0] = daemon.workerPids();
  for (let i = 0; i < 10; i++) await whoAnswers(daemon, key);
  // A busy worker reports finished requests every 5 ms.
  await pause(25);
  process.kill(victim, 'SIGKILL');
  await until('rows of all', async () => {
    const [row] = await daemon.sql`SELECT count(*)::int AS rows FROM request_logs`;
    return row?.rows === 10;
  });
});
