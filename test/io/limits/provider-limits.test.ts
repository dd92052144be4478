import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { chatCompletion, startUpstream } from '../../support/upstream.js';

/** A provider with a limit of `rate` requests per second, which it reports. */
async function limitedProvider(t: TestContext, rate: number) {
  let tokens = rate;
  let updatedMs = performance.now();
  const counts = { answered: 0, refused: 0 };
  const upstream = await startUpstream(t, (_request, response) => {
    const nowMs = performance.now();
    tokens = Math.min(rate, tokens + ((nowMs - updatedMs) / 1_000) * rate);
    updatedMs = nowMs;
    const isTaken = tokens >= 1;
    if (isTaken) tokens--;
    counts[isTaken ? 'answered' : 'refused']++;
    response.writeHead(isTaken ? 200 : 429, {
      'content-type': 'application/json',
      'x-ratelimit-limit-requests': String(rate),
      'x-ratelimit-remaining-requests': String(Math.floor(tokens)),
      'x-ratelimit-reset-requests': `${Math.ceil(((rate - tokens) / rate) * 1_000)}ms`,
      ...(!isTaken && { 'retry-after': '1' }),
    });
    response.end(isTaken ? chatCompletion() : '{"error":{"message":"too many","code":"x"}}');
  });
  return { upstream, counts };
}

for (const workers of [1, 2]) {
  test(`at 95 % of what two providers take, clients see no 429 (${workers} workers)`, async (t) => {
    const small = await limitedProvider(t, 8);
    const large = await limitedProvider(t, 12);
    const daemon = await startDaemon(t, { workers });
    // By weight the small one would get far more than it takes.
    await daemon.addProvider('small', { api_base: small.upstream.url, weight: 3 });
    await daemon.addProvider('large', { api_base: large.upstream.url, weight: 1 });
    const key = await daemon.addKey('k');
    await daemon.reload();
    const demand = 0.95 * (8 + 12);
    const startMs = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 150 }, async (_, index) => {
        await pause(Math.max(0, startMs + (index / demand) * 1_000 - performance.now()));
        return await askChat(daemon.url, key, 'm');
      }),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    t.diagnostic(JSON.stringify({ small: small.counts, large: large.counts }));
    assert.deepEqual([...statuses], [200]);
    assert.ok(large.counts.answered > small.counts.answered);
  });
}
