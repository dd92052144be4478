import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { connect } from '../../../src/db/client.js';
import type { UsageSum } from '../../../src/observe/usage/usage-sum.js';
import { ask, askChat } from '../../support/ask.js';
import { startGateway } from '../../support/gateway.js';
import { until } from '../../support/until.js';

test('long reports keep nobody else waiting, and end with their client', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  const headers = { authorization: `Bearer ${daemon.adminKey}` };
  const get = (path: string, signal?: AbortSignal) =>
    ask(`${daemon.url}/admin/v1/${path}`, { headers, ...(signal && { signal }) });
  const rows = async () => (await daemon.sql`SELECT FROM request_logs`).length;
  assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  await until('the row', async () => (await rows()) === 1);

  // Reports read the names of keys, which storing rows does not.
  const lock = connect(daemon.dbUrl ?? '', { max: 1 });
  t.after(() => lock.end({ timeout: 1 }));
  await lock.unsafe('BEGIN; LOCK TABLE credentials IN ACCESS EXCLUSIVE MODE');
  const leaving = new AbortController();
  setMaxListeners(20, leaving.signal);
  const asked = ['key', 'model', 'provider'].flatMap((by) =>
    Array.from({ length: 4 }, () =>
      get(`usage?since=30d&by=${by}`, leaving.signal).catch(() => 'left'),
    ),
  );
  await until('a report', async () => (await running(daemon.sql)) === 1);
  assert.equal((await get('providers')).status, 200);
  assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  await until('the next row', async () => (await rows()) === 2);
  assert.equal(await running(daemon.sql), 1);

  leaving.abort();
  assert.ok((await Promise.all(asked)).every((answer) => answer === 'left'));
  await until('the end of the reports', async () => (await running(daemon.sql)) === 0);
  await lock.unsafe('COMMIT');
  const { status, text } = await get('usage?by=key,day&format=csv&timezone=Europe/Berlin');
  assert.equal(status, 200, text);
  assert.match(text, /^key,day,requests,errors,.*\r\nalice,\d{4}-\d\d-\d\dT2[23]:00:00Z,2,0,/);
});

test('requests are listed and searched by the admin API', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  for (const model of ['m', 'n']) assert.equal((await askChat(daemon.url, key, model)).status, 200);
  const headers = { authorization: `Bearer ${daemon.adminKey}` };
  const get = (query: string) => ask(`${daemon.url}/admin/v1/requests?${query}`, { headers });
  const found = await until('both rows', async () => {
    const { requests } = JSON.parse((await get('key=alice')).text);
    return requests.length === 2 && requests;
  });
  assert.deepEqual(
    found.map(({ model, status }: { model: string; status: number }) => [model, status]),
    [
      ['n', 200],
      ['m', 200],
    ],
  );
  assert.match((await get('model=m&format=csv')).text, /^started_at,request_id,.*\r\n[^\r]*,m,/);
  assert.deepEqual(JSON.parse((await get('status=5xx')).text), { requests: [], next_cursor: null });
  const cursor = '2026-03-10T00:00:00.000000Z_00000000-0000-0000-0000-000000000000';
  for (const query of [
    ...['status=teapot', 'limit=0', 'since=soon', 'colour=red', 'sort=colour'],
    `cursor=${cursor}&sort=-cost_nano`,
  ]) {
    const { status, text } = await get(query);
    assert.equal(status, 400, text);
    assert.equal(JSON.parse(text).error.param, query.split('=')[0]);
  }
  const sorted = JSON.parse((await get('sort=model&limit=1')).text);
  assert.deepEqual([sorted.requests[0].model, sorted.next_cursor], ['m', null]);
  const usage = (query: string) => ask(`${daemon.url}/admin/v1/usage?${query}`, { headers });
  for (const query of [
    'by=key,key',
    'by=key,day,model',
    'timezone=%2B02:00',
    'timezone=Mars/Base',
    'sort=colour',
    'top=3',
    'top=0&by=key',
    'keep=m',
    'keep=&by=model',
    'by=model&top=1&keep=m',
    `by=model${'&keep=m'.repeat(101)}`,
    'compare_since=soon',
    'compare_until=1h&compare_since=30m',
  ]) {
    const { status, text } = await usage(query);
    assert.equal(status, 400, text);
    const { param } = JSON.parse(text).error;
    const at = query.includes('keep') ? 'keep' : param;
    assert.ok(query.split(/[=&]/).includes(param) && param === at, `${param} of ${query}`);
  }
  const alone = await usage('compare_until=1h');
  assert.match(alone.text, /"compare_since: is missing"/);
  const with2 = JSON.parse((await usage('by=model&since=1h&compare_since=48h')).text);
  assert.equal(with2.compared.until, with2.since, 'until the other one begins');
  assert.deepEqual([with2.compared.usage, with2.compared.total.requests], [[], 0]);
  const same = JSON.parse((await usage('by=model&compare_since=24h&compare_until=0s')).text);
  assert.deepEqual(same.compared.total, same.total);
  assert.deepEqual(same.compared.usage, same.usage);
  assert.equal('compared' in JSON.parse((await usage('by=model')).text), false);
  const ofKept = async (query: string) =>
    JSON.parse((await usage(`${query}&sort=group`)).text).usage.map(
      (sum: UsageSum) => `${sum.group} ${sum.credential_id} ${sum.requests}`,
    );
  const [{ id }] = await daemon.sql<[{ id: number }]>`SELECT id FROM credentials`;
  assert.deepEqual(await ofKept('by=model&keep=n&keep=other'), ['n null 1', 'null null 1']);
  assert.deepEqual(await ofKept(`by=key&keep=${id}`), [`alice ${id} 2`]);
  assert.deepEqual(await ofKept(`by=key&keep=${id + 1}&keep=alice`), ['null null 2']);
  await daemon.sql`UPDATE request_logs SET credential_id = NULL, credential_name = ${id} WHERE model = 'n'`;
  assert.deepEqual(await ofKept(`by=key&keep=${id}`), [`${id} null 1`, `alice ${id} 1`]);
  const { usage: sums } = JSON.parse((await usage('by=model&sort=group&top=1')).text);
  assert.deepEqual(
    sums.map(({ group, requests }: { group: string; requests: number }) => [group, requests]),
    [
      ['m', 1],
      [null, 1],
    ],
  );
});

async function running(sql: ReturnType<typeof connect>): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'llmproxy daemon reports' AND state = 'active'
      AND datname = current_database()`;
  return row?.count ?? 0;
}
