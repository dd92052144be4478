import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { type LoadOutcome, quantile, tally } from '../../support/load.js';
import { loadOn, mockProcessForTest, runFor } from '../../support/load-for-test.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

test('a full queue refuses at once, with a time to retry', async (t) => {
  const daemon = await startDaemon(t, {
    settings: { limits: { max_queue: 3, queue_timeout_ms: 1_500 } },
  });
  const upstream = await startUpstream(t, () => {});
  const provider_params = { max_concurrency: 2 };
  await daemon.addProvider('p', { api_base: upstream.url, provider_params });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const chat = () =>
    ask(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: bearer(key),
      body: '{"model":"m"}',
    });
  const underWay = [chat(), chat()].map((one) => one.catch(() => null));
  await until('both under way', () => upstream.received.length === 2);
  const startMs = performance.now();
  const queued = [chat(), chat(), chat()];
  await runFor(200);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const sentMs = performance.now();
    const { status, headers, text } = await chat();
    times.push(performance.now() - sentMs);
    assert.equal(status, 503);
    assert.equal(JSON.parse(text).error.code, 'overloaded');
    assert.ok(Number(headers['retry-after']) >= 1);
  }
  t.diagnostic(
    `refused in ${quantile(times, 0.5).toFixed(1)} ms, at most ${Math.max(...times).toFixed(1)}`,
  );
  assert.ok(quantile(times, 0.5) < 250);
  for (const { status } of await Promise.all(queued)) assert.equal(status, 503);
  const waitedMs = performance.now() - startMs;
  t.diagnostic(`the queued ones were refused after ${Math.round(waitedMs)} ms`);
  assert.ok(waitedMs > 1_400, 'they had waited');
  await upstream.close();
  await Promise.all(underWay);
});

test('at twice the capacity, goodput is kept and the rest is refused', async (t) => {
  const daemon = await startDaemon(t, {
    workers: 2,
    settings: { limits: { max_queue: 50, queue_timeout_ms: 1_000 } },
  });
  const mock = await mockProcessForTest(t, { latencyMs: 100 });
  const provider_params = { max_concurrency: 15 };
  await daemon.addProvider('p', { api_base: mock.url, provider_params });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const measure = async (options: { concurrency: number; perSecond?: number }) => {
    const load = loadOn(t, daemon, key, options);
    await runFor(1_000);
    const from = load.outcomes.length;
    const startMs = performance.now();
    await runFor(3_000);
    const measured = load.outcomes.slice(from);
    const seconds = (performance.now() - startMs) / 1000;
    await load.stop();
    const good = measured.filter(({ kind }) => kind === 'ok').length / seconds;
    return { good, measured };
  };
  const peak = await measure({ concurrency: 15 });
  const over = await measure({ concurrency: 1_000, perSecond: peak.good * 2 });
  const refused = over.measured.filter(({ kind }: LoadOutcome) => kind !== 'ok');
  t.diagnostic(
    `${peak.good.toFixed(0)}/s at the capacity, ${over.good.toFixed(0)}/s at twice: ` +
      JSON.stringify(tally(over.measured)),
  );
  assert.ok(over.good >= 0.9 * peak.good);
  assert.ok(refused.length > 0);
  assert.deepEqual(Object.keys(tally(refused)), ['refused 503 overloaded']);
});
