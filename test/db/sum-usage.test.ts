import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sql } from '../../src/db/client.js';
import { insertCredential } from '../../src/db/queries/credentials/insert-credential.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { listRequests } from '../../src/db/queries/requests/list-requests.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import {
  type NamedGroup,
  type SumOptions,
  sumUsage,
  type UsageGrouping,
} from '../../src/db/queries/usage/sum-usage.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const march = { since: new Date('2026-03-01T00:00:00Z'), until: new Date('2026-04-01T00:00:00Z') };

test('a period without requests has an empty sum', async (t) => {
  const { sql } = await testDatabase(t);
  const { groups, total } = await sumUsage(sql, ['key'], march);
  assert.deepEqual(groups, []);
  assert.equal(total.requests, 0);
  assert.equal(total.total_tokens, 0);
  assert.deepEqual(total.duration_ms, { avg: null, p50: null, p95: null, p99: null });
});

test('requests, errors, tokens and times are summed', async (t) => {
  const { sql } = await testDatabase(t);
  const durations = Array.from({ length: 100 }, (_, index) => index + 1);
  await store(sql, [
    ...durations.map((duration_ms) => logRow({ duration_ms, first_token_ms: null })),
    logRow({ usage_source: 'estimated', duration_ms: 101 }),
    logRow({
      status: 500,
      duration_ms: 101,
      prompt_tokens: null,
      completion_tokens: null,
      usage_source: null,
    }),
    logRow({ status: 200, error: 'upstream_failed', duration_ms: 101 }),
    logRow({ status: 499, duration_ms: 101 }),
  ]);
  const { groups, total } = await sumUsage(sql, [], march);
  assert.deepEqual(groups, []);
  assert.equal(total.requests, 104);
  assert.equal(total.errors, 2);
  assert.equal(total.prompt_tokens, 1030);
  assert.equal(total.completion_tokens, 515);
  assert.equal(total.total_tokens, 1545);
  assert.equal(total.estimated_tokens, 15);
  assert.equal(total.duration_ms.p50, 52.5);
  assert.deepEqual(total.first_token_ms, { avg: 50, p50: 50, p95: 50, p99: 50 });
});

test('a key is one group under its present name; one that is gone keeps its last', async (t) => {
  const { sql } = await testDatabase(t);
  const { id } = await insertCredential(sql, {
    credential_key: 'f'.repeat(64),
    key_preview: 'sk-…',
    name: 'new name',
    allowed_models: null,
    rate_limit: null,
    is_enabled: true,
  });
  await store(sql, [
    ...[1, 2, 3].map(() => logRow({ credential_id: id, credential_name: 'old name' })),
    ...[1, 2].map(() => logRow({ credential_id: id + 1, credential_name: 'gone' })),
    logRow({ credential_id: null, credential_name: 'of a file' }),
  ]);
  const { groups, total } = await sumUsage(sql, ['key'], march);
  assert.deepEqual(
    groups.map((sum) => [sum.group, sum.credential_id, sum.requests]),
    [
      ['new name', id, 3],
      ['gone', id + 1, 2],
      ['of a file', null, 1],
    ],
  );
  assert.equal(total.requests, 6);
});

test('a request is in the sum of its team, its user and each of its tags, and once in the total', async (t) => {
  const { sql } = await testDatabase(t);
  await store(sql, [
    logRow({ team: 'chat', end_user: 'u1', tags: ['a', 'b'] }),
    logRow({ team: 'chat', end_user: 'u2', tags: ['b'] }),
    logRow({ team: 'batch', end_user: 'u1' }),
    logRow(),
  ]);
  const summed = async (...by: UsageGrouping[]) => {
    const { groups, total } = await sumUsage(sql, by, march);
    assert.deepEqual([total.requests, total.prompt_tokens], [4, 40], by.join());
    return groups.map((sum) => [sum.group, sum.subgroup, sum.requests]);
  };
  const sorted = async (...by: UsageGrouping[]) =>
    (await summed(...by)).sort((x, y) => String(x).localeCompare(String(y)));
  assert.deepEqual(await sorted('team'), [
    [null, null, 1],
    ['batch', null, 1],
    ['chat', null, 2],
  ]);
  assert.deepEqual(await sorted('user'), [
    [null, null, 1],
    ['u1', null, 2],
    ['u2', null, 1],
  ]);
  assert.deepEqual(await sorted('tag'), [
    [null, null, 2],
    ['a', null, 1],
    ['b', null, 2],
  ]);
  assert.deepEqual(await sorted('team', 'tag'), [
    [null, null, 1],
    ['batch', null, 1],
    ['chat', 'a', 1],
    ['chat', 'b', 2],
  ]);
});

test('the first sums by two groupings are those of the first groups, also from roll-ups', async (t) => {
  const { sql } = await testDatabase(t);
  const of = (team: string, model: string, count: number) =>
    Array.from({ length: count }, () => logRow({ team, model }));
  await store(sql, [
    ...[...of('one', 'big', 6), ...of('one', 'small', 1)],
    ...[...of('two', 'big', 3), ...of('two', 'small', 3)],
  ]);
  for (const maxRows of [0, 100]) {
    const { groups } = await sumUsage(sql, ['team', 'model'], march, { limit: 3, maxRows });
    assert.deepEqual(
      groups.map(({ group, subgroup, requests }) => [group, subgroup, requests]),
      [
        ['one', 'big', 6],
        ['one', 'small', 1],
        ['two', 'big', 3],
      ],
    );
  }
});

test('requests without tags form no groups', async (t) => {
  const { sql } = await testDatabase(t);
  const { groups, total } = await sumUsage(sql, ['tag'], march);
  assert.deepEqual([groups, total.requests], [[], 0]);
});

test('sums and lists are of one team, user or tag', async (t) => {
  const { sql } = await testDatabase(t);
  await store(sql, [
    logRow({ request_id: '1', team: 'chat', end_user: "o'neil", tags: ['a', 'b_c'] }),
    logRow({ request_id: '2', team: 'batch', end_user: 'u2', tags: ['bxc'] }),
    logRow({ request_id: '3' }),
  ]);
  for (const [filter, ids] of [
    [{ team: 'chat' }, ['1']],
    [{ team: '*a*' }, ['1', '2']],
    [{ user: "o'neil" }, ['1']],
    [{ tag: 'b_c' }, ['1']],
    [{ tag: 'b*c' }, ['1', '2']],
    [{ tag: 'x' }, []],
  ] as const) {
    const rows = await listRequests(sql, { ...march, ...filter }, 10);
    assert.deepEqual(rows.map((row) => row.request_id).sort(), ids, JSON.stringify(filter));
    assert.equal((await sumUsage(sql, [], { ...march, ...filter })).total.requests, ids.length);
  }
  const [row] = await listRequests(sql, { ...march, team: 'chat' }, 1);
  assert.deepEqual([row?.team, row?.user, row?.tags], ['chat', "o'neil", ['a', 'b_c']]);
});

test('names of models that no provider served make no groups', async (t) => {
  const { sql } = await testDatabase(t);
  await store(sql, [
    ...[1, 2, 3].map((n) => logRow({ model: `nonsense-${n}`, provider: null, status: 404 })),
    logRow({ model: 'gpt-4' }),
    logRow({ model: 'gpt-4', provider: 'other' }),
  ]);
  assert.deepEqual(await counts(sql, 'model'), [
    [null, 3],
    ['gpt-4', 2],
  ]);
  assert.deepEqual(await counts(sql, 'provider'), [
    [null, 3],
    ['main', 1],
    ['other', 1],
  ]);
});

test('days and hours are in UTC, in order, in any time zone of the server', async (t) => {
  const { sql } = await testDatabase(t);
  const times = ['2026-03-11T00:30:00Z', '2026-03-10T23:59:59.999Z', '2026-03-11T00:00:00Z'];
  await store(
    sql,
    times.map((time) => logRow({ started_ms: Date.parse(time) })),
  );
  await sql.unsafe(`DO $$BEGIN
    EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kathmandu''', current_database());
  END$$`);
  assert.deepEqual(await counts(sql, 'day'), [
    ['2026-03-10T00:00:00Z', 1],
    ['2026-03-11T00:00:00Z', 2],
  ]);
  assert.deepEqual(await counts(sql, 'hour'), [
    ['2026-03-10T23:00:00Z', 1],
    ['2026-03-11T00:00:00Z', 2],
  ]);
});

test('a period takes its start and not its end', async (t) => {
  const { sql } = await testDatabase(t);
  await store(
    sql,
    [10, 11, 12].map((day) => logRow({ started_ms: Date.UTC(2026, 2, day) })),
  );
  const { total } = await sumUsage(sql, [], {
    since: new Date('2026-03-10T00:00:00Z'),
    until: new Date('2026-03-12T00:00:00Z'),
  });
  assert.equal(total.requests, 2);
});

test('sums are sorted, and all but the first groups are one', async (t) => {
  const { sql } = await testDatabase(t);
  const { id } = await insertCredential(sql, {
    ...{ credential_key: 'f'.repeat(64), key_preview: 'sk-…', name: 'dora' },
    ...{ allowed_models: null, rate_limit: null, is_enabled: true },
  });
  const of = (day: string, credential_name: string, cost_nano: number, other = {}) =>
    logRow({
      ...{ started_ms: Date.parse(`2026-03-${day}T01:00:00Z`), credential_name, cost_nano },
      ...other,
    });
  await store(sql, [
    of('10', 'dora', 5, { credential_id: id }),
    // A key of an override file has the name of another one.
    of('10', 'dora', 50),
    of('10', 'b', 10),
    of('11', 'b', 10),
    of('11', 'c', 12, { team: 'chat' }),
    of('11', 'c', 1),
    of('11', 'c', 1),
  ]);
  const sums = async (by: UsageGrouping[], options: SumOptions) =>
    (await sumUsage(sql, by, march, options)).groups.map(
      ({ group, subgroup, credential_id, cost_nano }) =>
        [group?.slice(0, 10), subgroup, credential_id, cost_nano].filter(Boolean).join(' '),
    );
  assert.deepEqual(await sums(['key'], {}), ['c 14', 'b 20', 'dora 50', `dora ${id} 5`]);
  assert.deepEqual(await sums(['key'], { sort: '-cost_nano' }), [
    ...['dora 50', 'b 20', 'c 14', `dora ${id} 5`],
  ]);
  assert.deepEqual(await sums(['key'], { sort: 'cost_nano', limit: 2 }), [`dora ${id} 5`, 'c 14']);
  assert.deepEqual(await sums(['key'], { sort: '-group', limit: 3 }), [
    ...['dora 50', `dora ${id} 5`, 'c 14'],
  ]);
  assert.deepEqual(await sums(['day'], { sort: 'cost_nano' }), ['2026-03-11 24', '2026-03-10 65']);
  assert.deepEqual(await sums(['key'], { sort: '-cost_nano', top: 1 }), ['dora 50', '39']);
  const firstTwo = [
    ...['2026-03-10 dora 50', '2026-03-10 b 10', '2026-03-10 5'],
    ...['2026-03-11 14', '2026-03-11 b 10'],
  ];
  assert.deepEqual(await sums(['day', 'key'], { sort: '-cost_nano', top: 2 }), firstTwo);
  const [b, dora] = ['b', 'dora'].map((group) => ({ group, credential_id: null }));
  const keep = [b, dora] as NamedGroup[];
  assert.deepEqual(await sums(['day', 'key'], { sort: '-cost_nano', keep }), firstTwo);
  const byId = { keep: [{ group: null, credential_id: id }] };
  assert.deepEqual(await sums(['key'], byId), ['84', `dora ${id} 5`]);
  assert.deepEqual(await sums(['key'], { sort: 'cost_nano', top: 1 }), [`dora ${id} 5`, '84']);
  assert.deepEqual(await sums(['team'], { top: 1 }), ['77', 'chat 12'], 'most have no team');
  assert.deepEqual(await sums(['user'], { top: 1 }), ['89'], 'none has a user');
});

async function counts(sql: Sql, by: UsageGrouping) {
  const { groups } = await sumUsage(sql, [by], march);
  return groups.map(({ group, requests }) => [group, requests]);
}

async function store(sql: Sql, rows: UsageRow[]): Promise<void> {
  await createRequestLogPartitions(sql, ['2026-03-10', '2026-03-11', '2026-03-12']);
  await insertRequestLogs(sql, rows);
}
