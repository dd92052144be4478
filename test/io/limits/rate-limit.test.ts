import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answered, askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const rate = 20;

for (const { engine, skip } of engines) {
  for (const workers of [1, 2]) {
    const name = `a rate limit holds on ${engine} with ${workers} worker${workers > 1 ? 's' : ''}`;
    test(name, { skip }, async (t) => {
      const daemon = await startDaemon(t, { engine, workers });
      const upstream = await startUpstream(t, answerChat);
      await daemon.addProvider('p', { api_base: upstream.url });
      const key = await daemon.addKey('limited', { rate_limit: rate });
      const other = await daemon.addKey('other', { rate_limit: rate });
      await daemon.reload();
      const arrived = () => upstream.received.length;

      await t.test('in a burst, and admits the allowed number', async () => {
        const startMs = performance.now();
        const answers = await Promise.all(
          Array.from({ length: 5 * rate }, () => askChat(daemon.url, key, 'm')),
        );
        const seconds = (performance.now() - startMs) / 1000;
        const admitted = answers.filter(({ status }) => status === 200).length;
        t.diagnostic(`${admitted} of ${answers.length} in ${seconds.toFixed(2)} s`);
        assert.ok(admitted <= rate * (seconds + 1));
        assert.ok(admitted >= (workers === 1 ? rate : rate / 2));
        assert.equal(arrived(), admitted);
        for (const answer of answers) if (answer.status !== 200) assertRefused(answer);
      });

      await t.test('for each key separately', async () => {
        assert.equal((await askChat(daemon.url, other, 'm')).status, 200);
      });

      await t.test('over seconds', async () => {
        const fresh = await daemon.addKey('fresh', { rate_limit: rate });
        await daemon.reload();
        const before = arrived();
        const startMs = performance.now();
        const seconds = () => (performance.now() - startMs) / 1000;
        let admitted = 0;
        const client = async () => {
          while (seconds() < 3) {
            if ((await askChat(daemon.url, fresh, 'm')).status === 200) admitted++;
            else await pause(30);
          }
        };
        await Promise.all(Array.from({ length: 8 }, client));
        t.diagnostic(`${admitted} in ${seconds().toFixed(2)} s at ${rate}/s`);
        assert.ok(admitted <= rate * (seconds() + 1));
        assert.ok(admitted >= rate);
        assert.equal(arrived() - before, admitted);
      });

      await t.test('through reloads, which refill no bucket', async () => {
        const fresh = await daemon.addKey('reloaded', { rate_limit: rate });
        await daemon.reload();
        const startMs = performance.now();
        let admitted = 0;
        for (let i = 0; i < 5; i++) {
          const answers = await Promise.all(
            Array.from({ length: rate }, () => askChat(daemon.url, fresh, 'm')),
          );
          admitted += answers.filter(({ status }) => status === 200).length;
          await daemon.sql`UPDATE providers SET weight = ${i + 2}`;
          await daemon.reload();
        }
        assert.ok(admitted <= rate * ((performance.now() - startMs) / 1000 + 1));
      });

      await t.test('of 0, which blocks all', async () => {
        const blocked = await daemon.addKey('blocked', { rate_limit: 0 });
        await daemon.reload();
        const before = arrived();
        const answers = await Promise.all(
          Array.from({ length: 10 }, () => askChat(daemon.url, blocked, 'm')),
        );
        for (const { status, headers } of answers) {
          assert.equal(status, 429);
          assert.ok(Number(headers['retry-after']) > 0);
          assert.equal(headers['x-ratelimit-limit-requests'], '0');
          assert.equal(headers['x-ratelimit-remaining-requests'], '0');
          assert.ok(headers['x-ratelimit-reset-requests']);
        }
        assert.equal(arrived(), before);
      });

      await t.test('not where a key has none', async () => {
        const free = await daemon.addKey('free');
        await daemon.reload();
        const answers = await Promise.all(
          Array.from({ length: 5 * rate }, () => askChat(daemon.url, free, 'm')),
        );
        assert.ok(answers.every(({ status }) => status === 200));
      });
    });
  }
}

function assertRefused({ status, headers, text }: Answered): void {
  assert.equal(status, 429);
  const { error } = JSON.parse(text);
  assert.equal(error.code, 'rate_limit_exceeded');
  assert.equal(error.type, 'rate_limit_error');
  assert.equal(headers['x-ratelimit-limit-requests'], String(rate));
  assert.equal(headers['x-ratelimit-remaining-requests'], '0');
  assert.match(String(headers['x-ratelimit-reset-requests']), /^\d+ms$/);
  assert.equal(headers['retry-after'], '1');
  assert.match(String(headers['retry-after-ms']), /^\d+$/);
}
