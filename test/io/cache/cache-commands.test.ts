import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { until } from '../../support/until.js';
import { greedy, keyWith, resultOf, served } from './cached-for-test.js';

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

test('rows, reports, explain and metrics report the savings of cached answers', async (t) => {
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
  assert.match(explained.stdout, /cache +hit, .* old, saved \$0\.002/);
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
