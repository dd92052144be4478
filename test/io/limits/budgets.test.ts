import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, type DaemonOptions, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

const nano = 1_000_000_000;
/** A request of 100 tokens in and 1,000 out at 10 dollars a million of both: 0.011 dollars. */
const usage = { prompt_tokens: 100, completion_tokens: 1_000, total_tokens: 1_100 };
const cost = 11_000_000;
/** The most that it can cost is a little more: its bytes, and some hidden tokens, are tokens. */
const asked = { max_tokens: 1_000 };

async function open(
  t: TestContext,
  options: DaemonOptions = {},
): Promise<{ daemon: Daemon; key: string }> {
  const upstream = await startUpstream(t, (_, response) => {
    const message = { role: 'assistant', content: 'hello' };
    const choices = [{ index: 0, finish_reason: 'stop', message }];
    setTimeout(() => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ id: 'x', object: 'chat.completion', choices, usage }));
    }, 20);
  });
  const daemon = await startDaemon(t, {
    settings: { limits: { queue_timeout_ms: 20_000 } },
    ...options,
  });
  await daemon.addProvider('main', { api_base: upstream.url });
  await daemon.sql`INSERT INTO prices (name, model, rates)
    VALUES ('m', 'm', '{"input": 10000000000, "output": 10000000000}')`;
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return { daemon, key };
}

async function addBudget(daemon: Daemon, fields: object): Promise<void> {
  const answer = await ask(`${daemon.url}/admin/v1/budgets?wait=active`, {
    method: 'POST',
    headers: bearer(daemon.adminKey),
    body: JSON.stringify(fields),
  });
  assert.equal(answer.status, 201, answer.text);
}

/** Spend according to the rows, the ledger and its sums, once all is settled. */
async function settled(daemon: Daemon, budget: string, expectedRows: number) {
  return await until('the ledger', async () => {
    const [rows] = await daemon.sql`
      SELECT count(*) AS count, coalesce(sum(cost_nano), 0)::bigint AS cost FROM request_logs
      WHERE provider IS NOT NULL`;
    const [ledger] = await daemon.sql`
      SELECT coalesce(sum(amount_nano) FILTER (WHERE kind = 'spent'), 0)::bigint AS spent,
        coalesce(sum(amount_nano), 0)::bigint AS all, coalesce(sum(requests), 0)::int AS requests
      FROM budget_ledger JOIN budgets b ON b.id::text = budget WHERE b.name = ${budget}`;
    const [total] = await daemon.sql`
      SELECT coalesce(sum(spent_nano), 0)::bigint AS spent FROM budget_totals JOIN budgets b
        ON b.id::text = budget WHERE b.name = ${budget}`;
    if (Number(rows?.count) < expectedRows || Number(ledger?.requests) < expectedRows)
      return false as const;
    return {
      rows: Number(rows?.cost),
      spent: Number(ledger?.spent),
      all: Number(ledger?.all),
      total: Number(total?.spent),
    };
  });
}

/** Many requests at once; the statuses of their answers. */
async function flood(daemon: Daemon, key: string, count: number): Promise<number[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, () =>
      askChat(daemon.url, key, 'm', asked).then(
        ({ status }) => status,
        () => 0,
      ),
    ),
  );
  return answers;
}

/** More of them, until one is refused because the budget is used up: a busy machine takes longer. */
async function untilRefused(daemon: Daemon, key: string, before: number[]): Promise<number[]> {
  const statuses = [...before];
  for (let round = 0; round < 20 && !statuses.includes(429); round++) {
    statuses.push(...(await flood(daemon, key, 50)));
  }
  assert.ok(statuses.includes(429), `${new Set(statuses)}`);
  return statuses;
}

test('a thousand requests at once spend at most a hard budget, and at least nine tenths of it', async (t) => {
  const { daemon, key } = await open(t);
  await addBudget(daemon, {
    name: 'ten',
    amount: 10 * nano,
    window: 'total',
    applies_to: { key: 'alice' },
  });
  const statuses = await untilRefused(daemon, key, await flood(daemon, key, 1_000));
  const served = statuses.filter((status) => status === 200).length;
  const sums = await settled(daemon, 'ten', served);
  assert.equal(sums.rows, served * cost);
  assert.deepEqual([sums.spent, sums.all, sums.total], [sums.rows, sums.rows, sums.rows]);
  assert.ok(sums.spent <= 10 * nano, `${sums.spent}`);
  assert.ok(sums.spent >= 9 * nano, `${sums.spent}`);
  const metrics = await (
    await fetch(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) })
  ).text();
  const [, counted] = /llm_proxy_cost_dollars_total\{[^}]*\} (\S+)/.exec(metrics) ?? [];
  assert.equal(Math.round(Number(counted) * nano), sums.rows);

  const refused = await askChat(daemon.url, key, 'm', { max_tokens: 100_000 });
  assert.equal(refused.status, 429, refused.text);
  assert.equal(refused.headers['x-should-retry'], 'false');
  const { error } = JSON.parse(refused.text);
  assert.deepEqual([error.type, error.code], ['insufficient_quota', 'insufficient_quota']);
  assert.match(error.message, /budget "ten" of \$10\.00 in all .* and this request may cost \$/);
  const { text } = await askChat(daemon.url, key, 'm');
  assert.match(text, /this request, which does not limit its output, may cost \$1\.32\./);
  const messages = await ask(`${daemon.url}/v1/messages`, {
    method: 'POST',
    headers: bearer(key),
    body: JSON.stringify({
      model: 'm',
      max_tokens: 100_000,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  assert.equal(messages.status, 402, messages.text);
  assert.equal(JSON.parse(messages.text).error.type, 'billing_error');
  assert.equal(messages.headers['x-should-retry'], 'false');
});

test('four workers, one of them killed, never spend more than the budget', async (t) => {
  const { daemon, key } = await open(t, {
    workers: 4,
    settings: { limits: { queue_timeout_ms: 20_000 } },
  });
  await addBudget(daemon, { name: 'five', amount: 5 * nano, window: 'month', applies_to: {} });
  const flooding = flood(daemon, key, 800);
  await pause(300);
  const [victim] = daemon.workerPids();
  process.kill(victim ?? 0, 'SIGKILL');
  const statuses = await untilRefused(daemon, key, await flooding);
  const served = statuses.filter((status) => status === 200).length;
  // Rows of requests whose clients saw no answer may still come.
  const sums = await until('all rows', async () => {
    const found = await settled(daemon, 'five', served);
    return found.rows === found.spent && found;
  });
  assert.ok(sums.all <= 5 * nano, `${sums.all}`);
  assert.ok(sums.all >= 4.5 * nano, `${sums.all}`);
  assert.equal(sums.all, sums.total);
  if (sums.all > sums.spent) await daemon.waitFor('budget_unsettled');
});

test('a budget holds over a restart, also after the daemon was killed', async (t) => {
  const first = await open(t);
  await addBudget(first.daemon, { name: 'one', amount: nano, window: 'total' });
  await flood(first.daemon, first.key, 40);
  await settled(first.daemon, 'one', 40);
  assert.equal(await first.daemon.stop(), 0);
  const [{ held } = { held: 0 }] = await first.daemon.sql`
    SELECT coalesce(sum(held_nano), 0)::bigint AS held FROM budget_leases`;
  assert.equal(Number(held), 0, 'all is given back');
  const { home, sql, dbUrl } = first.daemon;
  const again = {
    home,
    database: { dbUrl: dbUrl ?? '', sql },
    // Its workers end with it, too.
    settings: { limits: { queue_timeout_ms: 20_000 }, server: { orphan_grace_ms: 0 } },
  };
  const second = await startDaemon(t, again);
  await flood(second, first.key, 20);
  second.kill('SIGKILL');
  await second.exited;
  const third = await startDaemon(t, again);
  await flood(third, first.key, 100);
  const sums = await until('the ledger', async () => {
    const [row] = await sql`SELECT spent_nano FROM budget_totals`;
    return Number(row?.spent_nano) >= 0.9 * nano && Number(row?.spent_nano);
  });
  assert.ok(sums <= nano, `${sums}`);
});

test('a budget continues with its leases while Postgres is away', async (t) => {
  const { daemon, key } = await open(t);
  await addBudget(daemon, { name: 'two', amount: 2 * nano, window: 'total' });
  assert.deepEqual(await flood(daemon, key, 1), [200]);
  // The ledger cannot be written, as if its server were away.
  await daemon.sql`ALTER TABLE budget_totals RENAME TO budget_totals_away`;
  const statuses = await untilRefused(daemon, key, await flood(daemon, key, 300));
  const served = 1 + statuses.filter((status) => status === 200).length;
  assert.ok(served * cost <= 2 * nano && served * cost >= 1.8 * nano, `${served}`);
  await daemon.waitFor('budgets_failing');
  await daemon.sql`ALTER TABLE budget_totals_away RENAME TO budget_totals`;
  const sums = await settled(daemon, 'two', served);
  assert.deepEqual([sums.spent, sums.total], [served * cost, served * cost]);
});

test('each alert is sent once, by event and webhook', async (t) => {
  const posted: { percent: number; budget: string; spent_nano: number }[] = [];
  const hook = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    posted.push(JSON.parse(text));
    response.end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  t.after(() => hook.close());
  const webhook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const { daemon, key } = await open(t);
  await addBudget(daemon, {
    name: 'soft',
    amount: 20 * cost,
    mode: 'soft',
    window: 'day',
    alerts: [50, 100],
    webhook,
  });
  for (let i = 0; i < 3; i++)
    assert.deepEqual(new Set(await flood(daemon, key, 10)), new Set([200]));
  await until('the alerts', () => posted.length >= 2);
  await pause(500);
  assert.deepEqual(
    posted.map(({ percent, budget }) => [percent, budget]),
    [
      [50, 'soft'],
      [100, 'soft'],
    ],
  );
  const told = daemon.logs.filter(({ event }) => event === 'budget_alert');
  assert.deepEqual(
    told.map(({ percent }) => percent),
    [50, 100],
  );
});

test('a hard budget alerts in order, and a request that is too large for it alerts nobody', async (t) => {
  const { daemon, key } = await open(t);
  await addBudget(daemon, { name: 'steps', amount: 20 * cost, window: 'total' });
  const told = () =>
    daemon.logs.filter(({ event }) => event === 'budget_alert').map(({ percent }) => percent);
  for (let i = 0; i < 3; i++) {
    const { status, text } = await askChat(daemon.url, key, 'm', { max_tokens: 1_000_000_000 });
    assert.equal(status, 429, text);
  }
  assert.deepEqual(new Set(await flood(daemon, key, 4)), new Set([200]));
  await settled(daemon, 'steps', 4);
  assert.deepEqual(told(), [], 'a fifth is spent');
  const statuses = await untilRefused(daemon, key, await flood(daemon, key, 10));
  await settled(daemon, 'steps', 4 + statuses.filter((status) => status === 200).length);
  await until('the alerts', async () => {
    await askChat(daemon.url, key, 'm', { max_tokens: 1_000_000_000 });
    return told().includes(100);
  });
  assert.deepEqual(told(), [50, 80, 100]);
  const [half] = daemon.logs.filter(({ event }) => event === 'budget_alert');
  assert.match(String(half?.message), /^50 % of the budget steps is spent: \$0\.\d+ of \$0\.22$/);
});

test('a webhook may not use an address that providers may not use', async (t) => {
  const { daemon } = await open(t);
  const put = async (webhook: string) => {
    const { status, text } = await ask(`${daemon.url}/admin/v1/budgets`, {
      method: 'POST',
      headers: bearer(daemon.adminKey),
      body: JSON.stringify({ name: 'w', amount: 1, webhook }),
    });
    return `${status} ${text}`;
  };
  for (const webhook of [
    'http://169.254.169.254/latest',
    'http://[::ffff:169.254.169.254]/',
    'http://0xa9fea9fe/',
    'https://metadata.google.internal/',
  ]) {
    assert.match(
      await put(webhook),
      /^4\d\d .*webhook.*(metadata address|metadata service)/,
      webhook,
    );
  }
  assert.match(await put('https://user:password@example.com/'), /^4\d\d .*user or password/);
  assert.match(await put('https://example.com:port/'), /^4\d\d .*is not a URL/);
});

test('a request that crosses several alerts sends each of them, in order', async (t) => {
  const { daemon, key } = await open(t);
  const alerts = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
  await addBudget(daemon, { name: 'tiny', amount: cost, mode: 'soft', window: 'day', alerts });
  assert.deepEqual(await flood(daemon, key, 1), [200]);
  const told = () =>
    daemon.logs.filter(({ event }) => event === 'budget_alert').map(({ percent }) => percent);
  await until('the alerts', () => told().length === alerts.length);
  assert.deepEqual(told(), alerts);
});

test('a model without a price is refused under a hard budget, unless a ceiling is set', async (t) => {
  const { daemon, key } = await open(t);
  await addBudget(daemon, { name: 'any', amount: nano, window: 'day' });
  const refused = await askChat(daemon.url, key, 'nobody-sells-this', asked);
  assert.equal(refused.status, 429);
  assert.match(refused.text, /has no price.*\\"any\\"/);
  const ceiling = { input: 10 * nano, output: 20 * nano };
  const changed = await ask(`${daemon.url}/admin/v1/budgets/any?wait=active`, {
    method: 'PUT',
    headers: bearer(daemon.adminKey),
    body: JSON.stringify({ ceiling }),
  });
  assert.equal(changed.status, 200, changed.text);
  assert.equal((await askChat(daemon.url, key, 'nobody-sells-this', asked)).status, 200);
  const [row] = await until('the ledger', async () => {
    const rows = await daemon.sql`SELECT spent_nano FROM budget_totals WHERE spent_nano > 0`;
    return rows.length > 0 && rows;
  });
  assert.equal(Number(row?.spent_nano), 100 * 10_000 + 1_000 * 20_000);
});
