import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { type Answered, ask, askChat, bearer } from '../support/ask.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { startMockProcess } from '../support/mock-process.js';
import { until } from '../support/until.js';
import { chatCompletion, startUpstream } from '../support/upstream.js';

const greedy = { temperature: 0 };

/** A daemon before a provider that numbers its answers. */
async function served(t: TestContext, workers = 1) {
  const daemon = await startDaemon(t, { workers });
  let count = 0;
  const upstream = await startUpstream(t, (_, response) => {
    count++;
    const usage = { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 };
    const body = { ...JSON.parse(chatCompletion(`m${count}`)), usage };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await daemon.addProvider('main', { api_base: upstream.url });
  return { daemon, upstream };
}

/** Creates a key by the CLI. */
async function keyWith(daemon: Daemon, name: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(['keys', 'create', name, ...flags, '--json']);
  assert.equal(code, 0, stderr);
  const { key } = JSON.parse(stdout);
  daemon.secrets.add(key);
  return key;
}

/** Waits until workers share so many answers. */
async function shared(daemon: Daemon, answers: number): Promise<void> {
  await until('shared answers', async () => {
    const { text } = await ask(`${daemon.url}/admin/v1/cache`, {
      headers: bearer(daemon.adminKey),
    });
    return JSON.parse(text).shared.answers === answers;
  });
}

function resultOf({ headers }: Answered): string | undefined {
  return headers['x-llmproxy-cache'] as string | undefined;
}

test('answers are cached for keys and teams as commands say', async (t) => {
  const { daemon, upstream } = await served(t);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await daemon.cli(args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const alice = await keyWith(
    daemon,
    'alice',
    ...['--cache', 'on', '--cache-scope', 'team', '--cache-ttl', '10m'],
    ...['--cache-requests', 'all', '--cache-models', 'm,gpt-*', '--single-flight'],
  );
  const shown = JSON.parse(await run('keys', 'show', 'alice', '--json'));
  assert.deepEqual(shown.cache, {
    mode: 'on',
    scope: 'team',
    ttl_ms: 600_000,
    requests: 'all',
    models: ['m', 'gpt-*'],
    single_flight: true,
  });
  const details = /cache +on, scope team, for 600s, all requests, m, gpt-\*, single flight/;
  assert.match(await run('keys', 'show', 'alice'), details);
  const first = await askChat(daemon.url, alice, 'm');
  const second = await askChat(daemon.url, alice, 'm');
  assert.deepEqual([resultOf(first), resultOf(second)], ['miss', 'hit']);
  assert.equal(second.text, first.text);

  await run('keys', 'update', 'alice', '--cache-models', '*', '--cache-ttl', 'default');
  await run('keys', 'update', 'alice', '--cache-requests', 'deterministic', '--no-single-flight');
  const changed = JSON.parse(await run('keys', 'show', 'alice', '--json'));
  assert.deepEqual(changed.cache, {
    mode: 'on',
    scope: 'team',
    requests: 'deterministic',
    single_flight: false,
  });
  assert.equal(resultOf(await askChat(daemon.url, alice, 'm')), 'bypass');
  await run('keys', 'update', 'alice', '--cache', 'none');
  assert.equal(JSON.parse(await run('keys', 'show', 'alice', '--json')).cache, null);
  assert.equal(resultOf(await askChat(daemon.url, alice, 'm', greedy)), undefined);

  await run('teams', 'create', 'chat', '--cache', 'ask');
  assert.match(await run('teams', 'show', 'chat'), /cache +ask, scope key/);
  await run('keys', 'update', 'alice', '--team', 'chat');
  assert.equal(resultOf(await askChat(daemon.url, alice, 'm', greedy)), 'bypass');
  await run('teams', 'update', 'chat', '--cache', 'on');
  assert.equal(resultOf(await askChat(daemon.url, alice, 'm', greedy)), 'miss');
  assert.equal(resultOf(await askChat(daemon.url, alice, 'm', greedy)), 'hit');
  await run('keys', 'update', 'alice', '--cache', 'off');
  assert.equal(resultOf(await askChat(daemon.url, alice, 'm', greedy)), undefined);
  assert.equal(upstream.received.length, 6);

  const wrong = async (...flags: string[]) => {
    const { code, stderr } = await daemon.cli(['keys', 'update', 'alice', ...flags]);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await wrong('--cache', 'yes'), /--cache.*on, ask, off, none/s);
  assert.match(await wrong('--cache-ttl', '30d'), /--cache-ttl: "30d" is not from 1s to 7d/);
  assert.match(await wrong('--cache-scope', 'world'), /key, team, all/);
  const { code, stderr } = await daemon.cli(['keys', 'create', 'x', '--cache-scope', 'team']);
  assert.deepEqual([code, /need a mode/.test(stderr)], [2, true], stderr);
});

test('rules for the cache are validated, planned and applied', async (t) => {
  const { daemon } = await served(t);
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const { writeFileSync } = await import('node:fs');
  const file = `${daemon.home}/plan.yaml`;
  const write = (cache: string) =>
    writeFileSync(
      file,
      `teams:\n  chat:\n    cache: { mode: on, scope: team }\ncredentials:\n  alice:\n    team: chat\n    cache: ${cache}\n`,
    );
  for (const [cache, reason] of [
    ['{ mode: maybe }', /cache\.mode: must be one of on, ask, off/],
    ['{ scope: key }', /"mode" is missing/],
    ['{ mode: on, ttl: 5 }', /unknown field "ttl"/],
    ['{ mode: on, ttl_ms: 0 }', /cache\.ttl_ms/],
    ['{ mode: on, models: ["/(/"] }', /cache\.models/],
  ] as const) {
    write(cache);
    const { code, stderr } = await daemon.cli(['config', 'plan', file]);
    assert.notEqual(code, 0, cache);
    assert.match(stderr, reason, cache);
  }
  write('{ mode: on, ttl_ms: 60000 }');
  const plan = await daemon.cli(['config', 'plan', file]);
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stdout, /cache\.mode/);
  const applied = await daemon.cli(['config', 'apply', file, '--yes']);
  assert.equal(applied.code, 0, applied.stderr);
  assert.equal(resultOf(await askChat(daemon.url, key, 'm', greedy)), 'miss');
  assert.equal(resultOf(await askChat(daemon.url, key, 'm', greedy)), 'hit');
  const again = await daemon.cli(['config', 'plan', file]);
  assert.match(again.stdout, /no change|nothing/i, 'the same document changes nothing');
});

test('what one worker keeps all workers give, and a purge is done on all of them', async (t) => {
  const { daemon, upstream } = await served(t, 3);
  await keyWith(daemon, 'other', '--cache', 'on');
  const key = await keyWith(daemon, 'alice', '--cache', 'on');
  const many = async () => {
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await askChat(daemon.url, key, 'm', greedy));
    return answers;
  };
  assert.equal(resultOf(await askChat(daemon.url, key, 'm', greedy)), 'miss');
  await shared(daemon, 1);
  assert.deepEqual((await many()).map(resultOf), Array(12).fill('hit'));
  assert.equal(upstream.received.length, 1);
  const purges: [string[], number][] = [
    [['--key', 'other'], 1],
    [['--model', 'gpt-*'], 1],
    [['--key', 'alice', '--model', 'm*'], 2],
    [['--all'], 3],
    [[], 4],
  ];
  for (const [flags, asked] of purges) {
    const { code, stdout, stderr } = await daemon.cli(['cache', 'purge', ...flags]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /purged cached answers of/);
    const { text } = await askChat(daemon.url, key, 'm', greedy);
    await shared(daemon, 1);
    for (const answer of await many()) assert.equal(answer.text, text);
    assert.equal(upstream.received.length, asked, flags.join(' '));
  }
  const status = await until('all workers have reported', async () => {
    const { stdout } = await daemon.cli(['cache', 'status', '--json']);
    const now = JSON.parse(stdout);
    return now.total.hits + now.total.misses >= 78 && now;
  });
  assert.equal(status.workers.length, 3);
  assert.equal(status.shared.answers, 1);
  assert.equal(status.max_bytes, 67_108_864);
  assert.equal(status.total.kept, 4);
  assert.match((await daemon.cli(['cache', 'status'])).stdout, /hits +74 \(95 %\)/);
});

test('a purge reaches every daemon of the database, also one by SQL', async (t) => {
  const { daemon, upstream } = await served(t);
  const second = await startDaemon(t, {
    database: { dbUrl: daemon.dbUrl ?? assert.fail(), sql: daemon.sql },
  });
  const key = await keyWith(daemon, 'alice', '--cache', 'on');
  await second.reload();
  for (const { url } of [daemon, second]) await askChat(url, key, 'm', greedy);
  assert.equal(upstream.received.length, 2);
  const gone = async (url: string) =>
    resultOf(await askChat(url, key, 'm', greedy)) === 'miss' || undefined;
  const answer = await ask(`${daemon.url}/admin/v1/cache/purge?wait=active`, {
    method: 'POST',
    headers: bearer(daemon.adminKey),
    body: '{"key":"alice"}',
  });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(JSON.parse(answer.text).applies_to, { key: 'alice' });
  assert.ok(await gone(daemon.url), 'it is done when it is answered');
  await until('the other daemon', () => gone(second.url), 5_000);
  await daemon.sql`INSERT INTO cache_purges DEFAULT VALUES`;
  for (const { url } of [daemon, second]) await until('a purge by SQL', () => gone(url), 5_000);
});

test('purges that cannot be are refused', async (t) => {
  const { daemon } = await served(t);
  await daemon.reload();
  const purge = (body: string, key = daemon.adminKey) =>
    ask(`${daemon.url}/admin/v1/cache/purge`, { method: 'POST', headers: bearer(key), body });
  for (const [body, reason] of [
    ['{"model":"/(/"}', /model: is not a regular expression/],
    ['{"keys":"alice"}', /keys/],
    ['{"key":5}', /key/],
    ['[]', /object/],
  ] as const) {
    const { status, text } = await purge(body);
    assert.equal(status, 400, text);
    assert.match(text, reason);
  }
  assert.equal((await purge('{}', 'sk-wrong')).status, 401);
  const { code, stderr } = await daemon.cli(['cache', 'purge', '--all', '--team', 'x']);
  assert.deepEqual([code, /cannot be used together/.test(stderr)], [2, true], stderr);
});

test('a hundred equal requests over several workers ask the provider once', async (t) => {
  const daemon = await startDaemon(t, { workers: 3 });
  const upstream = await startUpstream(t, (_, response) => {
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(chatCompletion());
    }, 1_000);
  });
  await daemon.addProvider('main', { api_base: upstream.url });
  const key = await keyWith(daemon, 'alice', '--cache', 'on', '--single-flight');
  const all = await Promise.all(
    Array.from({ length: 100 }, () => askChat(daemon.url, key, 'm', greedy)),
  );
  assert.equal(upstream.received.length, 1);
  assert.equal(all.filter((answer) => resultOf(answer) === 'hit').length, 99);
  for (const { status, text } of all) assert.deepEqual([status, text], [200, chatCompletion()]);
});

test('rows, reports, explain and metrics tell what cached answers have saved', async (t) => {
  const { daemon } = await served(t);
  const price = ['prices', 'set', 'm', '--input', '1', '--output', '2'];
  assert.equal((await daemon.cli(price)).code, 0);
  const budget = ['budgets', 'create', 'b', '--amount', '1', '--window', 'total'];
  assert.equal((await daemon.cli(budget)).code, 0);
  const key = await keyWith(daemon, 'alice', '--cache', 'on');
  const body = { ...greedy, max_tokens: 500 };
  const miss = await askChat(daemon.url, key, 'm', body);
  const hits = [
    await askChat(daemon.url, key, 'm', body),
    await askChat(daemon.url, key, 'm', body),
  ];
  assert.deepEqual(hits.map(resultOf), ['hit', 'hit']);
  // 1,000 tokens at a dollar and 500 at two for a million.
  assert.equal(miss.headers['x-llmproxy-cost'], '0.002');
  const rows = await until('the rows', async () => {
    const found = await daemon.sql`
      SELECT cache, cost_nano::int, saved_nano::int, saved_tokens::int, prompt_tokens::int,
        attempts, provider, model_sent, status, complete
      FROM request_logs ORDER BY started_at`;
    return found.length === 3 && [...found];
  });
  const common = { provider: 'main', model_sent: 'm', status: 200, complete: true };
  const none = { saved_nano: null, saved_tokens: null };
  const first = { cache: 'miss', cost_nano: 2_000_000, prompt_tokens: 1_000, attempts: 1 };
  assert.deepEqual({ ...rows[0] }, { ...common, ...none, ...first });
  const hit = { cache: 'hit', cost_nano: 0, prompt_tokens: null, attempts: 0 };
  for (const row of rows.slice(1)) {
    assert.deepEqual({ ...row }, { ...common, ...hit, saved_nano: 2_000_000, saved_tokens: 1_500 });
  }
  const { stdout } = await daemon.cli(['usage', '--by', 'key', '--json']);
  const [sum] = JSON.parse(stdout).usage;
  assert.deepEqual(
    [sum.requests, sum.cache_hits, sum.saved_nano, sum.cost_nano, sum.unpriced_requests],
    [3, 2, 4_000_000, 2_000_000, 0],
  );
  assert.match((await daemon.cli(['usage', '--by', 'key'])).stdout, /HITS +SAVED/);
  assert.match((await daemon.cli(['requests'])).stdout, /CACHE[\s\S]*hit[\s\S]*miss/);
  const id = String(hits[0]?.headers['x-request-id']);
  const explained = await daemon.cli(['explain', id]);
  assert.match(explained.stdout, /cache +hit, kept .* before, saved \$0\.002/);
  const spent = await daemon.cli(['budgets', 'show', 'b', '--json']);
  await until('the budget', async () => {
    const now = JSON.parse((await daemon.cli(['budgets', 'show', 'b', '--json'])).stdout);
    return now.spent_nano === 2_000_000;
  });
  assert.equal(spent.code, 0);
  const metrics = await until('the metrics', async () => {
    const { text } = await ask(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) });
    return /result="hit"\} 2/.test(text) && text;
  });
  assert.match(metrics, /llm_proxy_cache_requests_total\{model="unknown",result="miss"\} 1/);
  assert.match(metrics, /llm_proxy_cache_saved_dollars_total\{model="unknown"\} 0\.004/);
  assert.match(metrics, /llm_proxy_cache_answers\{process="worker-1"\} \d/);
  assert.match(metrics, /llm_proxy_cache_bytes\{process="worker-1"\} \d/);
  assert.match(metrics, /llm_proxy_cache_evictions_total 0/);
});

test('official clients of each API get cached answers that they can read', async (t) => {
  const daemon = await startDaemon(t);
  const mock = await startMockProcess();
  t.after(() => mock.end());
  await daemon.addProvider('main', { api_base: mock.url });
  const key = await keyWith(daemon, 'alice', '--cache', 'on', '--cache-requests', 'all');
  const openai = daemon.client(key);
  const anthropic = new Anthropic({ baseURL: daemon.url, apiKey: key, maxRetries: 0 });
  const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: daemon.url } });
  const messages = [{ role: 'user' as const, content: 'hi' }];
  const all: (() => Promise<unknown>)[] = [
    async () => await openai.chat.completions.create({ model: 'm', messages, temperature: 0 }),
    async () => {
      const stream = await openai.chat.completions.create({ model: 'm', messages, stream: true });
      return await collected(stream);
    },
    async () => await openai.responses.create({ model: 'm', input: 'hi' }),
    async () =>
      await collected(await openai.responses.create({ model: 'm', input: 'hi', stream: true })),
    async () => await openai.embeddings.create({ model: 'm', input: 'hi' }),
    async () => await anthropic.messages.create({ model: 'm', max_tokens: 9, messages }),
    async () => await collected(anthropic.messages.stream({ model: 'm', max_tokens: 9, messages })),
    async () => (await google.models.generateContent({ model: 'm', contents: 'hi' })).text,
    async () => {
      const parts = await google.models.generateContentStream({ model: 'm', contents: 'hi' });
      return (await collected(parts)).map(({ text }) => text);
    },
  ];
  for (const [index, each] of all.entries()) {
    const [first, second] = [await each(), await each()];
    assert.deepEqual(
      JSON.parse(JSON.stringify(second)),
      JSON.parse(JSON.stringify(first)),
      `${index}`,
    );
  }
  const { total } = await until('the status', async () => {
    const now = JSON.parse((await daemon.cli(['cache', 'status', '--json'])).stdout);
    return now.total.hits + now.total.misses >= 2 * all.length && now;
  });
  assert.deepEqual([total.hits, total.misses], [all.length, all.length]);
});

async function collected<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = [];
  for await (const part of stream) parts.push(part);
  assert.ok(parts.length > 0);
  return parts;
}
