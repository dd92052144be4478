import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sql } from '../../src/db/client.js';
import { insertCredential } from '../../src/db/queries/credentials/insert-credential.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import {
  findRequestLog,
  listRequestPage,
  listRequests,
} from '../../src/db/queries/requests/list-requests.js';
import type { RequestFilter } from '../../src/db/queries/requests/request-filter.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { sumUsage } from '../../src/db/queries/usage/sum-usage.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const march = { since: new Date('2026-03-01T00:00:00Z'), until: new Date('2026-04-01T00:00:00Z') };
const at = (time: string) => Date.parse(`2026-03-${time}Z`);

test('requests are found by every filter, the newest first', async (t) => {
  const { sql } = await testDatabase(t);
  const { id } = await insertCredential(sql, {
    credential_key: 'f'.repeat(64),
    key_preview: 'sk-…',
    name: 'dora',
    allowed_models: null,
    rate_limit: null,
    is_enabled: true,
  });
  await createRequestLogPartitions(sql, ['2026-03-10', '2026-03-11']);
  const dora = { credential_id: id, credential_name: 'dora before' };
  await insertRequestLogs(sql, [
    logRow({ request_id: 'a', started_ms: at('10T01:00:00'), ...dora }),
    logRow({ request_id: 'b', started_ms: at('10T02:00:00'), status: 429, provider: null }),
    logRow({
      request_id: 'c',
      started_ms: at('11T01:00:00'),
      status: 502,
      error: 'upstream_failed',
    }),
    logRow({ request_id: 'd', started_ms: at('11T02:00:00'), model: 'o3', provider: 'other' }),
    logRow({ request_id: 'e*', started_ms: at('11T03:00:00'), status: 499, ...dora }),
    logRow({ request_id: 'f', started_ms: at('11T04:00:00'), error: 'upstream_timeout' }),
    logRow({ request_id: 'g', started_ms: at('11T05:00:00'), credential_name: 'gone' }),
  ]);
  const found = async (filter: Partial<RequestFilter>, limit = 100) =>
    (await listRequests(sql, { ...march, ...filter }, limit)).map((row) => row.request_id).join('');
  assert.equal(await found({}), 'gfe*dcba');
  assert.equal(await found({}, 2), 'gf');
  assert.equal(await found({ until: new Date(at('11T01:00:00')) }), 'ba');
  assert.equal(await found({ since: new Date(at('11T04:00:00')) }), 'gf');
  assert.equal(await found({ key: 'dora' }), 'e*a');
  assert.equal(await found({ key: 'dora before' }), '');
  assert.equal(await found({ key: 'gone' }), 'g', 'no key has that name any more');
  assert.equal(await found({ key: 'dora' }, 1), 'e*', 'day after day');
  const morning = { since: new Date(at('11T00:00:00')), until: new Date(at('11T12:00:00')) };
  assert.equal(await found({ ...morning, key: 'dora' }), 'e*', 'of a single day');
  const long = { since: new Date('2026-01-01'), until: new Date('2026-06-01') };
  assert.equal(await found({ ...long, key: 'dora' }), 'e*a', 'older than the days read one by one');
  assert.equal(await found({ ...long, since: new Date(at('11T00:00:00')), key: 'dora' }), 'e*');
  assert.equal(await found({ key: 'go*' }), 'g');
  assert.equal(await found({ model: 'o3' }), 'd');
  assert.equal(await found({ provider: 'o*' }), 'd');
  assert.equal(await found({ status: '429' }), 'b');
  assert.equal(await found({ status: '4xx' }), 'e*b');
  assert.equal(await found({ status: 'error' }), 'fcb');
  assert.equal(await found({ error: 'upstream_*' }), 'fc');
  assert.equal(await found({ requestId: 'e*' }), 'e*');
  assert.equal(await found({ sort: 'status' }, 3), 'gfd', 'equal ones are the newest first');
  assert.equal(await found({ sort: '-status' }, 3), 'ce*b');
  assert.equal(await found({ sort: 'provider' }).then((ids) => ids.at(-1)), 'b', 'has none');
  assert.equal(await found({ sort: '-provider', key: 'dora' }), 'e*a');
  assert.equal(await found({ sort: 'started_at' }), 'abcde*fg');
  assert.equal(await found({ sort: '-started_at' }, 2), 'gf');
  const page = await listRequestPage(sql, { ...march, sort: 'status' }, 2);
  assert.deepEqual([page.rows.length, page.next], [2, null], 'sorted lists have no pages');
  assert.equal((await findRequestLog(sql, 'e*'))?.status, 499);
  assert.equal(await findRequestLog(sql, '*'), null);

  const { total } = await sumUsage(sql, [], { ...march, status: 'error' });
  assert.deepEqual([total.requests, total.errors], [3, 3]);
});

test('usage is summed by two groupings, in the days of a zone, and filtered', async (t) => {
  const { sql } = await testDatabase(t);
  await store(sql);
  const { groups, total } = await sumUsage(sql, ['model', 'day'], march, {
    timeZone: 'Asia/Kathmandu',
  });
  assert.deepEqual(
    groups.map(({ group, subgroup, requests }) => [group, subgroup, requests]),
    [
      ['m', '2026-03-09T18:15:00Z', 1],
      ['m', '2026-03-10T18:15:00Z', 2],
      ['a', '2026-03-10T18:15:00Z', 2],
    ],
  );
  assert.equal(total.requests, 5);
  assert.deepEqual([total.group, total.subgroup], [null, null]);

  const byKey = await sumUsage(sql, ['day', 'key'], { ...march, model: 'm' });
  assert.deepEqual(
    byKey.groups.map(({ group, subgroup, requests }) => [group, subgroup, requests]),
    [
      ['2026-03-10T00:00:00Z', 'bob', 2],
      ['2026-03-10T00:00:00Z', 'alice', 1],
    ],
  );
});

async function store(sql: Sql): Promise<void> {
  await createRequestLogPartitions(sql, ['2026-03-10', '2026-03-11']);
  const evening = at('10T18:15:00');
  await insertRequestLogs(sql, [
    logRow({ model: 'm', credential_name: 'alice', started_ms: evening - 1 }),
    logRow({ model: 'm', credential_name: 'bob', started_ms: evening }),
    logRow({ model: 'm', credential_name: 'bob', started_ms: evening }),
    logRow({ model: 'a', started_ms: evening }),
    logRow({ model: 'a', started_ms: evening }),
  ]);
}

test('pages of requests miss and repeat none, also of one millisecond', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, ['2026-03-10']);
  const ids = Array.from({ length: 7 }, (_, index) => `r${index}`);
  const started_ms = at('10T01:00:00');
  await insertRequestLogs(
    sql,
    ids.map((request_id, index) =>
      logRow({
        ...{ request_id, started_ms, duration_ms: index * 100 },
        cost_nano: index === 6 ? null : index * 1_000,
        attempts: index === 0 ? 0 : index === 3 ? 2 : 1,
      }),
    ),
  );
  const found: string[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const page = await listRequestPage(sql, { ...march, cursor }, 3);
    found.push(...page.rows.map((row) => row.request_id));
    assert.ok(!('cursor' in (page.rows[0] ?? {})));
    cursor = page.next;
    pages++;
  } while (cursor !== null);
  assert.equal(pages, 3);
  assert.deepEqual(found.sort(), ids);
  const slow = await listRequestPage(sql, { ...march, minDurationMs: 500 }, 10);
  assert.deepEqual(slow.rows.map((row) => row.request_id).sort(), ['r5', 'r6']);
  assert.equal(slow.next, null);
  const full = await listRequestPage(sql, { ...march, minDurationMs: 500 }, 2);
  assert.deepEqual([full.rows.length, full.next], [2, null], 'a full page may be the last one');
  const retried = await listRequestPage(sql, { ...march, status: 'retried' }, 10);
  assert.deepEqual(
    retried.rows.map((row) => row.request_id),
    ['r3'],
  );
  const ofCost = async (bounds: Partial<RequestFilter>) => {
    const { rows } = await listRequestPage(sql, { ...march, ...bounds }, 100);
    return rows.map((row) => row.request_id).sort();
  };
  assert.deepEqual(await ofCost({ minCostNano: 4_000 }), ['r4', 'r5']);
  assert.deepEqual(await ofCost({ maxCostNano: 1_000 }), ['r0', 'r1']);
  assert.deepEqual(await ofCost({ minCostNano: 1_001, maxCostNano: 3_000 }), ['r2', 'r3']);
  // A request without a price is not free.
  assert.deepEqual(await ofCost({ minCostNano: 0 }), ids.slice(0, 6));
  assert.deepEqual(await ofCost({ maxCostNano: 0 }), ['r0']);
});
