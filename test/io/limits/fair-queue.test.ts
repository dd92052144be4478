import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const serviceMs = 300;

test('a team with a hundred requests at once does not starve one with two', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    setTimeout(() => answerChat(request, response), serviceMs);
  });
  const daemon = await startDaemon(t, {
    workers: 2,
    settings: { limits: { queue_timeout_ms: 60_000, max_queue: 200 } },
  });
  await daemon.addProvider('p', {
    api_base: upstream.url,
    provider_params: { max_concurrency: 8 },
  });
  const { sql } = daemon;
  await sql`INSERT INTO teams (name) VALUES ('chat'), ('batch')`;
  const keys = { chat: await daemon.addKey('chat'), batch: await daemon.addKey('batch') };
  await sql`UPDATE credentials SET team = name`;
  await daemon.reload();

  /** Milliseconds that the requests of two clients of the chat team take, 95 of a hundred. */
  const p95 = async (): Promise<number> => {
    const tookMs: number[] = [];
    const client = async () => {
      for (let i = 0; i < 10; i++) {
        const startMs = performance.now();
        const { status, text } = await askChat(daemon.url, keys.chat, 'm');
        assert.equal(status, 200, text);
        tookMs.push(performance.now() - startMs);
      }
    };
    await Promise.all([client(), client()]);
    return tookMs.sort((a, b) => a - b)[Math.floor(0.95 * tookMs.length)] ?? 0;
  };

  const alone = await p95();
  let isOver = false;
  let served = 0;
  const batch = Array.from({ length: 100 }, async () => {
    while (!isOver) {
      const { status, text } = await askChat(daemon.url, keys.batch, 'm');
      assert.equal(status, 200, text);
      served++;
    }
  });
  await pause(2 * serviceMs);
  const beside = await p95();
  isOver = true;
  await Promise.all(batch);
  t.diagnostic(`alone ${alone.toFixed()} ms, beside ${served} others ${beside.toFixed()} ms`);
  assert.ok(served > 100);
  assert.ok(beside <= 2 * alone, `${beside} ms, ${alone} ms alone`);
});
