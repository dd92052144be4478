import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import type { Limits } from '../../../src/config/rows/limits.js';
import { type Answered, ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { type Answer, chatCompletion, startUpstream } from '../../support/upstream.js';

const perRequest = { prompt_tokens: 15, completion_tokens: 25, total_tokens: 40 };

/** Answers with less usage than reserved, and with limits of its own. */
const answerWithUsage: Answer = (_request, response) => {
  const headers = { 'content-type': 'application/json', 'x-ratelimit-remaining-tokens': '1' };
  const body = { ...JSON.parse(chatCompletion()), usage: perRequest };
  response.writeHead(200, headers).end(JSON.stringify(body));
};

async function limitedKey(daemon: Daemon, name: string, limits: Limits, team?: string) {
  const key = await daemon.addKey(name);
  const { sql } = daemon;
  await sql`UPDATE credentials SET limits = ${sql.json(limits as never)}, team = ${team ?? null}
    WHERE name = ${name}`;
  await daemon.reload();
  return key;
}

/**
 * Asks for more than is allowed, until `enough` requests were admitted after the first refusal.
 * Checks that in no time more of `each` were used than `burst` and `rate` allow, and that at least
 * 95 % of the rate were used since the bucket was first empty.
 */
async function press(
  t: TestContext,
  ask: () => Promise<Answered>,
  { burst, rate, each, enough }: { burst: number; rate: number; each: number; enough: number },
): Promise<void> {
  const startMs = performance.now();
  const since = () => (performance.now() - startMs) / 1000;
  const times: number[] = [];
  let empty: { seconds: number; admitted: number } | null = null;
  const client = async () => {
    while (empty === null || times.length - empty.admitted < enough) {
      const answer = await ask();
      if (answer.status === 200) times.push(since());
      else {
        assert.equal(answer.status, 429, answer.text);
        empty ??= { seconds: since(), admitted: times.length };
        await pause(20);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  for (const [index, seconds] of times.entries()) {
    const used = (index + 1) * each;
    assert.ok(used <= burst + rate * seconds + 1e-6, `${used} in ${seconds} s`);
  }
  const { seconds: from, admitted } = empty ?? { seconds: 0, admitted: 0 };
  const seconds = since() - from;
  const used = (times.length - admitted) * each;
  t.diagnostic(`${used} in ${seconds.toFixed(2)} s at ${rate}/s, after ${from.toFixed(2)} s`);
  assert.ok(used >= 0.95 * rate * seconds, `${used} in ${seconds} s`);
}

test('over four workers a key gets its rate of requests, and never more than its bucket', async (t) => {
  const upstream = await startUpstream(t, answerWithUsage);
  const daemon = await startDaemon(t, { workers: 4 });
  await daemon.addProvider('p', { api_base: upstream.url });
  for (const [name, limits, burst] of [
    ['of limits', { requests_per_second: 20 }, 20],
    ['of a minute', { requests_per_minute: 600 }, 600],
  ] as const) {
    const key = await limitedKey(daemon, name, limits);
    const rate = name === 'of limits' ? 20 : 10;
    const enough = 6 * rate;
    await press(t, () => askChat(daemon.url, key, 'm'), { burst, rate, each: 1, enough });
  }
});

test('over four workers a key gets its rate of tokens, as they were used', async (t) => {
  const upstream = await startUpstream(t, answerWithUsage);
  const daemon = await startDaemon(t, { workers: 4 });
  await daemon.addProvider('p', { api_base: upstream.url });
  const [burst, rate] = [12_000, 200];
  const key = await limitedKey(daemon, 'tokens', { tokens_per_minute: burst });
  const each = perRequest.total_tokens;
  await press(t, () => askChat(daemon.url, key, 'm', { max_tokens: 60 }), {
    ...{ burst, rate, each },
    enough: (8 * rate) / each,
  });
});

test('answers say the state of the tightest limit, refusals its type', async (t) => {
  const upstream = await startUpstream(t, answerWithUsage);
  const daemon = await startDaemon(t, { workers: 2 });
  await daemon.addProvider('p', { api_base: upstream.url });
  const { sql } = daemon;
  await sql`INSERT INTO teams (name, limits) VALUES ('t', '{"requests_per_day": 3}')`;
  const limits = { requests_per_day: 50, tokens_per_day: 1_000, max_concurrency: 5 };
  const key = await limitedKey(daemon, 'k', limits, 't');
  const free = await daemon.addKey('free');
  const sibling = await limitedKey(daemon, 'sibling', {}, 't');

  const first = await askChat(daemon.url, key, 'm', { max_tokens: 10 });
  assert.equal(first.status, 200);
  assert.equal(first.headers['x-ratelimit-limit-requests'], '3');
  assert.equal(first.headers['x-ratelimit-remaining-requests'], '2');
  assert.equal(first.headers['x-ratelimit-limit-tokens'], '1000');
  assert.ok(Number(first.headers['x-ratelimit-remaining-tokens']) > 900);
  const passed = await askChat(daemon.url, free, 'm');
  assert.equal(passed.headers['x-ratelimit-remaining-tokens'], '1', "the provider's own");

  const big = await askChat(daemon.url, key, 'm', { max_tokens: 990 });
  assertType(big, 'tokens', /tokens per day/);
  for (const which of ['second', 'third']) {
    // Another worker gives back what it had leased, a moment later.
    const ask = async () => (await askChat(daemon.url, sibling, 'm')).status === 200;
    await until(`the ${which} request`, ask);
  }
  const over = await askChat(daemon.url, key, 'm', { max_tokens: 10 });
  assertType(over, 'requests', /the team "t": 3 requests per day/);
  assert.ok(Number(over.headers['retry-after']) > 60);

  const error = await new Anthropic({ baseURL: daemon.url, apiKey: key, maxRetries: 0 }).messages
    .create({ model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] })
    .catch((reason: unknown) => reason);
  assert.ok(error instanceof Anthropic.RateLimitError, String(error));
  assert.equal(error.headers.get('anthropic-ratelimit-requests-remaining'), '0');
  assert.match(error.message, /"type":"rate_limit_error"/);

  const counted = await ask(`${daemon.url}/v1/messages/count_tokens`, {
    method: 'POST',
    headers: bearer(key),
    body: JSON.stringify({ model: 'm', messages: [] }),
  });
  assert.notEqual(counted.status, 429, 'counting tokens is not limited');
});

function assertType(answer: Answered, type: string, message: RegExp): void {
  assert.equal(answer.status, 429);
  const { error } = JSON.parse(answer.text);
  assert.deepEqual([error.type, error.code], [type, 'rate_limit_exceeded']);
  assert.match(error.message, message);
}

test('a limit of a day is as it was after a restart', async (t) => {
  const upstream = await startUpstream(t, answerWithUsage);
  const database = await testDatabase(t);
  const first = await startDaemon(t, { database });
  await first.addProvider('p', { api_base: upstream.url });
  const key = await limitedKey(first, 'k', { requests_per_day: 10 });
  const left = async (url: string) => {
    const { status, headers } = await askChat(url, key, 'm');
    return status === 200 ? Number(headers['x-ratelimit-remaining-requests']) : status;
  };
  assert.deepEqual([await left(first.url), await left(first.url)], [9, 8]);
  assert.equal(await first.stop(), 0);
  const second = await startDaemon(t, { database, home: first.home });
  assert.equal(await left(second.url), 7);
});
