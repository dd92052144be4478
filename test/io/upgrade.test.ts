import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startSteadyLoad } from '../../bench/faults/steady-load.js';
import { mockForTest } from '../mock-provider/mock-for-test.js';
import { askChat, engines } from '../support/ask.js';
import { type Daemon, type DaemonOptions, postmasterPid, startDaemon } from '../support/daemon.js';
import { startGateway, whoAnswers } from '../support/gateway.js';
import { stopProcess, upgrade } from '../support/successor.js';
import { isRunning, until } from '../support/until.js';

const skip = existsSync('/proc/self/stat') ? false : 'needs /proc';
/** Without it the kernel resets what a closing listener has not accepted yet. */
const migrates = sysctl('tcp_migrate_req') === '1';
const kinds = ['fresh', 'keepAlive', 'streams'];

for (const workers of [1, 2]) {
  test(`an upgrade with ${workers} worker(s) loses no request and cuts no stream`, {
    skip,
  }, async (t) => {
    const { daemon, key } = await gateway(t, { engine: 'auto', workers });
    const before = daemon.workerPids();
    const load = startSteadyLoad({
      url: daemon.url,
      key,
      model: 'gpt-4o',
      keepAlive: 4,
      fresh: 2,
      streams: 4,
    });
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
      // See docs/reliability.md: of new connections, one a replacement may be reset without it; a
      // client that keeps its connection has a new one after each replacement.
      if (!migrates) for (const kind of kinds) failures.delete(`${kind}: ECONNRESET`);
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
  });
}

test('llmproxy upgrade keeps the embedded Postgres and the admin API, and tells of both', {
  skip,
}, async (t) => {
  const daemon = await startDaemon(t, { database: 'embedded' });
  const postgres = postmasterPid(daemon.dataDir);
  const { code, stdout, stderr } = await daemon.cli(['upgrade', '--json']);
  assert.equal(code, 0, stderr);
  const { from, to } = JSON.parse(stdout);
  try {
    assert.equal(from.pid, daemon.pid);
    assert.equal(from.version, to.version);
    await until('the end of the old one', () => !isRunning(daemon.pid));
    assert.equal(postmasterPid(daemon.dataDir), postgres);
    await daemon.reload();
    const created = await daemon.cli(['keys', 'create', 'alice']);
    assert.equal(created.code, 0, created.stderr);
    daemon.secrets.add(created.stdout.trim());
  } finally {
    await stopProcess(to.pid);
  }
  await until('the end of Postgres', () => !isRunning(postgres ?? 0));
});

test('when the new version does not start, the old one goes on and says why', {
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

test('the node engine before Node 22.12 says that it must be restarted', {
  skip: skip || !engines.some(({ engine }) => engine === 'node'),
}, async (t) => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return;
  const { daemon, key } = await startGateway(t, { p: {} }, { engine: 'node' });
  const { code, stderr } = await daemon.cli(['upgrade']);
  assert.equal(code, 1);
  assert.match(stderr, /restart the daemon/);
  assert.equal(await whoAnswers(daemon, key), 'p');
});

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

function sysctl(name: string): string {
  try {
    return readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim();
  } catch {
    return '';
  }
}
