import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askChat } from '../../support/ask.js';
import {
  addMirror,
  admin,
  answering,
  metricsOf,
  openMirrored,
  rowsOf,
} from '../../support/mirrored.js';
import { until } from '../../support/until.js';

const nano = 1_000_000_000;

test('a sampled request is sent elsewhere too, and counts in no report of clients', async (t) => {
  const { daemon, key, copies } = await openMirrored(t, answering('other'));
  await addMirror(daemon, {});
  const answer = await askChat(daemon.url, key, 'm');
  assert.equal(JSON.parse(answer.text).model, 'main');
  const [row] = await rowsOf(daemon, 1);
  assert.deepEqual(
    [row?.mirror, row?.provider, row?.model_sent, row?.model, row?.credential_name, row?.status],
    ['n', 'other', 'm2', 'm', 'alice', 200],
  );
  assert.equal(Number(row?.cost_nano), 1_100_000);
  const { compared } = row as { compared: Record<string, unknown> };
  assert.deepEqual(
    [compared.provider, compared.model_sent, compared.status, compared.failed, compared.cost_nano],
    ['main', 'm', 200, false, 11_000_000],
  );
  assert.equal(compared.completion_tokens, 1_000);
  assert.equal(JSON.parse(copies.received[0]?.body.toString() ?? '{}').model, 'm2');
  assert.equal(copies.received.length, 1);
  const { total, usage: groups } = await admin(daemon, 'GET', '/usage?by=provider');
  assert.deepEqual([total.requests, groups.length, total.cost_nano], [1, 1, 11_000_000]);
  const { requests } = await admin(daemon, 'GET', '/requests');
  assert.equal(requests.length, 1);
  const metrics = await until('the metrics of the copy', async () => {
    const text = await metricsOf(daemon);
    return text.includes('llm_proxy_mirrored_requests_total{') && text;
  });
  assert.match(metrics, /llm_proxy_mirrored_requests_total\{mirror="n",outcome="answered"\} 1/);
  assert.match(metrics, /llm_proxy_mirror_cost_dollars_total\{mirror="n"\} 0\.0011/);
  assert.doesNotMatch(metrics, /llm_proxy_requests_total\{[^}]*provider="other"/);
});

test('a copy that hangs or fails changes nothing for clients, nor for its provider', async (t) => {
  const { daemon, key } = await openMirrored(t, (_, response) => {
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{}}');
  });
  await addMirror(daemon, {});
  for (let i = 0; i < 20; i++) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  const rows = await rowsOf(daemon, 20);
  assert.ok(rows.every(({ status }) => status === 500));
  const { providers } = await admin(daemon, 'GET', '/status');
  const other = providers.find((each: { provider: string }) => each.provider === 'other');
  assert.notEqual(other?.state, 'ejected', JSON.stringify(other));
  const { mirrors } = await admin(daemon, 'GET', '/canary/status');
  assert.deepEqual(
    [mirrors[0].pairs, mirrors[0].copy.errors, mirrors[0].client.errors],
    [20, 20, 0],
  );
  assert.ok(mirrors[0].copy.error_rate.low > 0.8);
  assert.ok(mirrors[0].client.error_rate.high < 0.2);
});

test('copies under way are bounded, and what is not mirrored is counted', async (t) => {
  const held: (() => void)[] = [];
  let most = 0;
  const { daemon, key } = await openMirrored(t, (request, response) => {
    held.push(() => answering('other')(request, response));
    most = Math.max(most, held.length);
  });
  await addMirror(daemon, { max_concurrency: 2 });
  for (let i = 0; i < 6; i++) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  await until('skipped requests', async () =>
    /llm_proxy_mirror_skipped_total\{mirror="n",reason="busy"\} 4/.test(await metricsOf(daemon)),
  );
  assert.equal(most, 2);
  for (const answer of held) answer();
  await rowsOf(daemon, 2);
});

test('copies stay within the budget of their mirror, which no client pays', async (t) => {
  const { daemon, key } = await openMirrored(t, answering('other'));
  await admin(daemon, 'POST', '/budgets?wait=active', {
    ...{ name: 'all', amount: nano, window: 'total', mode: 'hard' },
  });
  // A copy costs 0.0011 dollars, and may cost 0.0026.
  await addMirror(daemon, { budget: 5_000_000, window: 'total' });
  for (let i = 0; i < 12; i++) {
    const { status, text } = await askChat(daemon.url, key, 'm', { max_tokens: 1_500 });
    assert.equal(status, 200, text);
  }
  await until('a mirror whose budget is spent', async () =>
    /llm_proxy_mirror_skipped_total\{mirror="n",reason="budget"\}/.test(await metricsOf(daemon)),
  );
  const [sums] = await until('the ledger', async () => {
    const rows = await daemon.sql`
      SELECT coalesce(sum(cost_nano) FILTER (WHERE mirror IS NOT NULL), 0)::bigint AS copies,
        coalesce(sum(cost_nano) FILTER (WHERE mirror IS NULL), 0)::bigint AS clients,
        (SELECT coalesce(sum(spent_nano), 0) FROM budget_totals WHERE budget = 'file:mirror n')::bigint AS ledger,
        (SELECT coalesce(sum(t.spent_nano), 0) FROM budget_totals t JOIN budgets b ON b.id::text = t.budget)::bigint AS budget
      FROM request_logs`;
    const [row] = rows;
    return (
      Number(row?.ledger) > 0 &&
      Number(row?.clients) === 12 * 11_000_000 &&
      row?.budget === row?.clients &&
      rows
    );
  });
  assert.equal(sums?.ledger, sums?.copies);
  assert.ok(Number(sums?.copies) <= 5_000_000, `${sums?.copies}`);
});

test('selectors, target model and sample of a mirror apply as configured', async (t) => {
  const { daemon, key, copies } = await openMirrored(t, answering('other'));
  const bob = await daemon.addKey('bob');
  await daemon.reload();
  await addMirror(daemon, { applies_to: { key: 'bob' }, provider: null, model: 'x' });
  await addMirror(daemon, { name: 'rest', applies_to: { provider: 'other' } });
  for (let i = 0; i < 5; i++) await askChat(daemon.url, key, 'm');
  await askChat(daemon.url, bob, 'm');
  const rows = await rowsOf(daemon, 1);
  assert.deepEqual(
    rows.map(({ mirror, model_sent }) => [mirror, model_sent]),
    [['n', 'x']],
  );
  assert.equal(copies.received.length, 1);
  await admin(daemon, 'PUT', '/mirrors/n?wait=active', { applies_to: {}, sample_percent: 20 });
  for (let i = 0; i < 100; i++) await askChat(daemon.url, key, 'm');
  await until('copies', async () => copies.received.length > 5);
  assert.ok(copies.received.length < 60, `${copies.received.length}`);
});
