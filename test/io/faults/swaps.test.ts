import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { assertNoneLost, loadOn, mockProcessForTest } from '../../support/load-for-test.js';

const swaps = 100;

test(`no request is lost and no stream is cut by ${swaps} swaps of the configuration`, async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const mocks = [
    await mockProcessForTest(t, { chunks: 20, chunkIntervalMs: 10 }),
    await mockProcessForTest(t, { chunks: 20, chunkIntervalMs: 10 }),
  ];
  const bases = mocks.map(({ url }) => url);
  await daemon.addProvider('p0', { api_base: bases[0] ?? '' });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const loads = [
    loadOn(t, daemon, key, { concurrency: 8, streams: 0.5 }),
    loadOn(t, daemon, key, { concurrency: 4, keepAlive: false }),
    loadOn(t, daemon, key, { concurrency: 16, streams: 1 }),
  ];
  const startMs = performance.now();
  for (let i = 1; i <= swaps; i++) {
    const from = daemon.logs.length;
    await daemon.sql.begin(async (sql) => {
      await sql`DELETE FROM providers`;
      await sql`
        INSERT INTO providers (provider_key, api_base, api_key, weight)
        VALUES (${`p${i % 3}`}, ${bases[i % 2] ?? ''}, ${`key-${i}`}, ${i})`;
    });
    await daemon.waitFor('config_active', () => true, from);
  }
  const tookMs = performance.now() - startMs;
  const outcomes = (await Promise.all(loads.map((load) => load.stop()))).flat();
  t.diagnostic(`${swaps} swaps in ${Math.round(tookMs)} ms`);
  assertNoneLost(t, outcomes, 'swaps');
  for (const mock of mocks) {
    const { requests, aborted } = await mock.stats();
    assert.ok(requests > 20);
    assert.equal(aborted, 0);
  }
});
