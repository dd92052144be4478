import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { ask, askChat } from '../../support/ask.js';
import { type Daemon, postmasterPid, startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { startGateway, startNamedUpstream, whoAnswers } from '../../support/gateway.js';
import { openAi } from '../../support/openai.js';
import { isRunning, until } from '../../support/until.js';

for (const { engine, skip } of engines) {
  test(`a worker that is killed is replaced while others serve on ${engine}`, {
    skip,
  }, async (t) => {
    const { daemon, key } = await startGateway(t, { p: {} }, { engine, workers: 2 });
    for (let round = 0; round < 2; round++) {
      const [victim = 0, other] = daemon.workerPids();
      const from = daemon.logs.length;
      process.kill(victim, 'SIGKILL');
      // No request is lost from here on; those that the kernel had queued for it are beyond saving.
      const ended = await daemon.waitFor('worker_exited', ({ pid }) => pid === victim, from);
      for (let i = 0; i < 60; i++) assert.equal(await whoAnswers(daemon, key), 'p');
      assert.deepEqual([ended.level, ended.reason], ['error', 'SIGKILL']);
      const started = await daemon.waitFor('worker_started', () => true, from);
      assert.deepEqual(daemon.workerPids().sort(), [other, Number(started.pid)].sort());
      // It uses the same configuration as the others, also changes made since its start.
      await daemon.sql`UPDATE providers SET weight = weight + 1`;
      await daemon.reload();
    }
  });
}

test('the only worker is replaced too, and its limits are not filled again', async (t) => {
  const { daemon } = await startGateway(t, { p: {} });
  const key = await daemon.addKey('limited', { rate_limit: 5 });
  await daemon.reload();
  const startMs = performance.now();
  let admitted = 0;
  const spend = async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => askChat(daemon.url, key, 'm')),
    );
    admitted += answers.filter(({ status }) => status === 200).length;
  };
  await spend();
  const [victim = 0] = daemon.workerPids();
  process.kill(victim, 'SIGKILL');
  await until('its end', () => !isRunning(victim));
  await until('the next worker', () => ask(`${daemon.url}/health`).then(() => true));
  await spend();
  assert.ok(admitted <= 5 * ((performance.now() - startMs) / 1000 + 1), `${admitted} admitted`);
});

test('after kill -9 of the control process the workers finish and end', async (t) => {
  const settings = { server: { orphan_grace_ms: 0 } };
  const daemon = await startDaemon(t, { workers: 2, settings });
  const { mock } = await mockForTest(t, { chunks: 40, chunkIntervalMs: 20 });
  await daemon.addProvider('mock', { api_base: mock.url });
  const client = openAi(daemon, await daemon.addKey('alice'));
  await daemon.reload();
  const pids = daemon.workerPids();
  const stream = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('hi'),
    stream: true,
  });
  daemon.kill('SIGKILL');
  let finish: string | null = null;
  for await (const { choices } of stream) finish = choices[0]?.finish_reason ?? finish;
  assert.equal(finish, 'stop');
  await until('the end of the workers', () => !pids.some(isRunning));
});

test('after kill -9 with the embedded Postgres nothing is left and the next start recovers', async (t) => {
  const first = await startDaemon(t, {
    database: 'embedded',
    settings: { server: { orphan_grace_ms: 0 } },
  });
  const upstream = await startNamedUpstream(t, 'p');
  const key = await addByCli(first, upstream.url);
  assert.equal(await whoAnswers(first, key), 'p');
  const left = [...first.workerPids(), postmasterPid(first.dataDir) ?? 0];
  assert.ok(left.every(isRunning));
  first.kill('SIGKILL');
  await until('the end of workers and Postgres', () => !left.some(isRunning));

  const second = await startDaemon(t, { database: 'embedded', home: first.home });
  second.secrets.add(key);
  assert.equal(await whoAnswers(second, key), 'p');
});

test('an embedded Postgres that is killed is started again while requests are served', async (t) => {
  const daemon = await startDaemon(t, { database: 'embedded' });
  const upstream = await startNamedUpstream(t, 'p');
  const key = await addByCli(daemon, upstream.url);
  const before = postmasterPid(daemon.dataDir) ?? 0;
  process.kill(before, 'SIGKILL');
  for (let i = 0; i < 20; i++) assert.equal(await whoAnswers(daemon, key), 'p');
  await daemon.waitFor('database_restarting');
  await until('the next server', () => {
    const pid = postmasterPid(daemon.dataDir);
    return pid !== null && pid !== before && isRunning(pid);
  });
  await until('a change through it', async () => {
    const { code } = await daemon.cli(['keys', 'revoke', 'alice']);
    return code === 0;
  });
  await until('the revoked key', async () => (await askChat(daemon.url, key, 'm')).status === 401);
  assert.equal(await daemon.stop(), 0);
});

async function addByCli(daemon: Daemon, apiBase: string): Promise<string> {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await daemon.cli(args);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  await run('provider', 'add', 'p', '--api-base', apiBase, '--api-key', 'k');
  const key = await run('keys', 'create', 'alice');
  daemon.secrets.add(key);
  return key;
}
