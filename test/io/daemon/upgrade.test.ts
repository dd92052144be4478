import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startSteadyLoad } from '../../../bench/faults/steady-load.js';
import { executable } from '../../cli/llmproxy.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import {
  type Daemon,
  type DaemonOptions,
  postmasterPid,
  startDaemon,
} from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';
import { startGateway, whoAnswers } from '../../support/gateway.js';
import { stopProcess, upgrade } from '../../support/successor.js';
import { isRunning, until } from '../../support/until.js';

const skip = existsSync('/proc/self/stat') ? false : 'needs /proc';

for (const [engine, workers] of [
  ['net', 1],
  ['net', 2],
  ['node', 1],
] as const) {
  test(`an upgrade with ${workers} worker(s) of ${engine} loses no request, stream or cent`, {
    skip,
  }, async (t) => {
    const { daemon, key } = await gateway(t, { engine, workers });
    await daemon.sql`INSERT INTO budgets (name, amount, "window", applies_to)
      VALUES ('all', 5000000000000, 'total', '{}')`;
    await daemon.reload();
    const before = daemon.workerPids();
    const load = startSteadyLoad({
      url: daemon.url,
      key,
      model: 'gpt-4o',
      keepAlive: 4,
      fresh: 2,
      streams: 4,
    });
    t.after(async () => void (await load.stop()));
    await until('streams', () => load.result.answered.streams > 3);
    let pid = daemon.pid;
    try {
      for (let round = 0; round < 2; round++) {
        const next = await upgrade(daemon, pid);
        await until('the end of the old one', () => !isRunning(pid));
        pid = next;
      }
      const { streams } = load.result.answered;
      await until('streams through the new one', () => load.result.answered.streams > streams + 4);
      const { answered, failures } = await load.stop();
      t.diagnostic(JSON.stringify({ ...answered, failures: [...failures] }));
      assert.deepEqual([...failures], []);
      assert.ok(!before.some(isRunning));
      assert.equal(daemon.workerPids().length, workers);
      assert.deepEqual(
        daemon.logs.filter(({ level }) => level === 'error'),
        [],
      );
    } finally {
      await stopProcess(pid);
    }
    const [sums] = await daemon.sql`
      SELECT (SELECT sum(cost_nano) FROM request_logs) AS rows,
        (SELECT sum(spent_nano) FROM budget_totals) AS charged,
        (SELECT count(*) FROM budget_leases) AS leases`;
    assert.ok(Number(sums?.charged) > 0);
    assert.deepEqual([sums?.charged, sums?.leases], [sums?.rows, 0]);
  });
}

test('llmproxy upgrade keeps the embedded Postgres and the admin API, and names both daemons', {
  skip,
}, async (t) => {
  const daemon = await startDaemon(t, { database: 'embedded' });
  const postgres = postmasterPid(daemon.dataDir);
  // The running gateway stands for one of the version before: no command may migrate its database.
  const undone = await daemon.cli(['migrate', 'down', '--steps', '1', '--yes']);
  assert.equal(undone.code, 0, undone.stderr);
  const early = await daemon.cli(['audit', 'list']);
  assert.equal(early.code, 1);
  assert.match(early.stderr, /lacks 1 migration\nchange .*: llmproxy upgrade\n$/);
  const { code, stdout, stderr } = await daemon.cli(['upgrade', '--json']);
  assert.equal(code, 0, stderr);
  const { from, to } = JSON.parse(stdout);
  try {
    assert.equal(from.pid, daemon.pid);
    assert.equal(from.version, to.version);
    await until('the end of the old one', () => !isRunning(daemon.pid));
    assert.equal(postmasterPid(daemon.dataDir), postgres);
    await daemon.reload();
    assert.equal((await daemon.cli(['audit', 'list'])).code, 0);
    const created = await daemon.cli(['keys', 'create', 'alice']);
    assert.equal(created.code, 0, created.stderr);
    daemon.secrets.add(created.stdout.trim());
  } finally {
    await stopProcess(to.pid);
  }
  await until('the end of Postgres', () => !isRunning(postgres ?? 0));
});

test('when the new version does not start, the old one keeps serving and reports why', {
  skip,
}, async (t) => {
  const settings = { server: { keepalive_ms: 1000 } };
  const { daemon, key } = await startGateway(t, { p: {} }, { settings });
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${daemon.home}/config/llmproxy.yaml`, 'server: {keepalive_ms: never}');
  process.kill(daemon.pid, 'SIGUSR2');
  const { message } = await daemon.waitFor('upgrade_failed');
  assert.match(message, /keepalive_ms/);
  writeFileSync(`${daemon.home}/config/llmproxy.yaml`, '');
  const workers = daemon.workerPids();
  assert.equal(await whoAnswers(daemon, key), 'p');
  assert.deepEqual(daemon.workerPids(), workers);
  await daemon.reload();

  const pid = await upgrade(daemon);
  try {
    assert.equal(await whoAnswers(daemon, key), 'p');
  } finally {
    await stopProcess(pid);
  }
});

test('a worker that ends after the package was replaced is replaced by the new version', {
  skip,
}, async (t) => {
  const installed = mkdtempSync(join(tmpdir(), 'llmproxy-installed-'));
  t.after(() => rmSync(installed, { recursive: true, force: true }));
  const root = dirname(dirname(executable));
  for (const part of [
    'bin',
    'package.json',
    'migrations',
    'dist/app',
    'dist/console',
    'dist/docs-ui',
  ]) {
    cpSync(join(root, part), join(installed, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  const program = join(installed, 'bin/llmproxy.js');
  const { daemon, key } = await startGateway(t, { p: {} }, { program, workers: 1 });

  appendFileSync(join(installed, 'dist/app/daemon/workers/worker-main.js'), '// another build\n');
  const [worker = 0] = daemon.workerPids();
  process.kill(worker, 'SIGKILL');
  const pid = Number((await daemon.waitFor('upgraded')).pid);
  try {
    assert.equal(await whoAnswers(daemon, key), 'p');
    const own = daemon.logs.filter(({ event }) => event === 'worker_started');
    assert.ok(daemon.logs.some(({ event }) => event === 'package_replaced'));
    assert.equal(own.length, 2, 'one of each version');
  } finally {
    await stopProcess(pid);
  }
});

for (const workers of [1, 2]) {
  test(`a limit holds across upgrades with ${workers} worker(s)`, { skip }, async (t) => {
    const { daemon } = await startGateway(t, { p: {} }, { workers });
    const rate = 20;
    const key = await daemon.addKey('limited', { rate_limit: rate });
    await daemon.reload();
    let [admitted, lastMs] = [0, 0];
    const firstMs = performance.now();
    let running = true;
    const clients = Array.from({ length: 4 }, async () => {
      while (running) {
        const { status } = await askChat(daemon.url, key, 'm').catch(() => ({ status: 0 }));
        if (status === 200) {
          admitted++;
          lastMs = performance.now();
        }
        await pause(5);
      }
    });
    let pid = daemon.pid;
    try {
      for (let round = 0; round < 2; round++) {
        pid = await upgrade(daemon, pid);
        await pause(500);
      }
      running = false;
      await Promise.all(clients);
      const most = rate * ((lastMs - firstMs) / 1000 + 1);
      t.diagnostic(`${admitted} admitted, at most ${Math.floor(most)}`);
      assert.ok(admitted <= most, `${admitted} admitted`);
      assert.ok(admitted > rate);
    } finally {
      running = false;
      await stopProcess(pid);
    }
  });
}

async function gateway(
  t: TestContext,
  options: DaemonOptions,
): Promise<{ daemon: Daemon; key: string }> {
  const daemon = await startDaemon(t, options);
  const { mock } = await mockForTest(t, { chunks: 20, chunkIntervalMs: 20 });
  await daemon.addProvider('mock', { api_base: mock.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return { daemon, key };
}

test('an upgrade keeps the listener of the admin API open, or opens the one that is set now', {
  skip,
}, async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, { settings: { admin: { listen: `127.0.0.1:${port}` } } });
  const get = async (at: number) => {
    const path = '/admin/v1/config/version';
    const { status } = await ask(`http://127.0.0.1:${at}${path}`, {
      headers: bearer(daemon.adminKey),
    });
    return status;
  };
  let isOver = false;
  const refused: unknown[] = [];
  const asking = (async () => {
    while (!isOver) {
      // Requests in flight in the old one are cut when it ends; connections are never refused.
      await get(port).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') refused.push(error);
      });
      await pause(5);
    }
  })();
  let pid = daemon.pid;
  try {
    pid = await upgrade(daemon, pid);
    await until('the end of the old one', () => !isRunning(daemon.pid));
    assert.equal(await get(port), 200);
    isOver = true;
    await asking;
    assert.deepEqual(refused, []);

    const next = await freePort();
    const config = join(daemon.home, 'config/llmproxy.yaml');
    writeFileSync(config, JSON.stringify({ admin: { listen: `127.0.0.1:${next}` } }));
    const old = pid;
    pid = await upgrade(daemon, pid);
    await until('the end of the second one', () => !isRunning(old));
    assert.equal(await get(next), 200);
    await assert.rejects(get(port), { code: 'ECONNREFUSED' });
  } finally {
    isOver = true;
    await stopProcess(pid);
  }
});
