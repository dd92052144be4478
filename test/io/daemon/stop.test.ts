import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { type DaemonOptions, startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { openAi } from '../../support/openai.js';
import { isRunning, until } from '../../support/until.js';

for (const { engine, skip } of engines) {
  test(`SIGTERM finishes requests in flight on ${engine}`, { skip }, async (t) => {
    const { daemon, client, reached } = await gateway(t, { engine, workers: 2 });
    const pids = daemon.workerPids();
    const body = { model: 'gpt-4o', messages: say('hi') };
    const stream = await client.chat.completions.create({ ...body, stream: true });
    const chunks = stream[Symbol.asyncIterator]();
    let text = (await chunks.next()).value?.choices[0]?.delta.content ?? '';
    const request = client.chat.completions.create(body);
    await reached(2);

    daemon.kill('SIGTERM');
    await daemon.waitFor('stopping');
    await until('the end of the listeners', () =>
      ask(`${daemon.url}/health`).then(
        () => false,
        ({ code }) => code === 'ECONNREFUSED',
      ),
    );
    let finish: string | null = null;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      text += next.value.choices[0]?.delta.content ?? '';
      finish = next.value.choices[0]?.finish_reason ?? finish;
    }
    const whole = await request;
    assert.deepEqual([text, finish], [whole.choices[0]?.message.content, 'stop']);
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    assert.equal(daemon.logs.at(-1)?.event, 'stopped');
    const errors = daemon.logs.filter(({ level }) => level === 'error');
    assert.deepEqual(errors, []);
    assert.ok(!pids.some(isRunning));
  });

  test(`${engine} refuses connections at once while a stream ends`, { skip }, async (t) => {
    const { daemon, client, reached } = await gateway(t, { engine });
    const body = { model: 'mock-slow-stream', messages: say('hi') };
    const stream = await client.chat.completions.create({ ...body, stream: true });
    daemon.kill('SIGTERM');
    await daemon.waitFor('stopping');
    // A connection that is taken, but not accepted, would be closed only at the end.
    const refused = await until('the end of the listeners', () =>
      ask(`${daemon.url}/health`).then(
        () => false as const,
        ({ code }: { code: string }) => code,
      ),
    );
    assert.equal(refused, 'ECONNREFUSED');
    await reached(1);
    for await (const _chunk of stream);
    assert.equal((await daemon.exited).code, 0);
  });

  test(`requests are cut after the grace period on ${engine}`, { skip }, async (t) => {
    const { daemon, client, reached } = await gateway(t, {
      engine,
      settings: { server: { grace_period_ms: 300 } },
    });
    const hanging = assert.rejects(
      client.chat.completions.create({ model: 'mock-hang', messages: say('hi') }),
    );
    const stream = await client.chat.completions.create({
      model: 'mock-slow-stream',
      messages: say('hi'),
      stream: true,
    });
    const cut = assert.rejects(async () => {
      for await (const _chunk of stream);
    });
    await reached(2);
    assert.equal(await daemon.stop(), 0);
    await Promise.all([hanging, cut]);
    await reached(0);
  });
}

test('an idle daemon stops despite keep-alive connections', async (t) => {
  const { daemon, client } = await gateway(t, { workers: 2 });
  await Promise.all(Array.from({ length: 8 }, () => client.models.list()));
  assert.equal(await daemon.stop(), 0);
});

test('a second Ctrl-C stops at once, but not the same one forwarded twice', async (t) => {
  const { daemon, client, reached } = await gateway(t, {});
  const pids = daemon.workerPids();
  const hanging = assert.rejects(
    client.chat.completions.create({ model: 'mock-hang', messages: say('hi') }),
  );
  await reached(1);
  daemon.kill('SIGINT');
  daemon.kill('SIGINT');
  await daemon.waitFor('stopping');
  assert.equal(await Promise.race([daemon.exited, pause(100, 'running')]), 'running');
  const again = setInterval(() => daemon.kill('SIGINT'), 50);
  const { code } = await daemon.exited;
  clearInterval(again);
  assert.equal(code, 130);
  await hanging;
  await until('the end of the workers', () => !pids.some(isRunning));
});

/** A daemon with a mock that takes half a second for an answer, and a second for a stream. */
async function gateway(t: TestContext, options: DaemonOptions) {
  const daemon = await startDaemon(t, options);
  const { mock } = await mockForTest(t, { latencyMs: 500, chunks: 40, chunkIntervalMs: 25 });
  await daemon.addProvider('mock', { api_base: mock.url });
  const client = openAi(daemon, await daemon.addKey('alice'));
  await daemon.reload();
  return {
    daemon,
    client,
    reached: (count: number) => until('requests upstream', () => mock.stats.active === count),
  };
}
