import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { noClasses } from '../../src/dialects/usage.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

/** Postgres stores any character but a zero byte. */
const text = fc.oneof(
  fc.constantFrom('a', 'b', 'NULL', 'null', '', ' ', ',', '{', '}', '"', '\\', '\\"', 'ü', '\n'),
  fc.string({ unit: 'binary' }).map((any) => any.replaceAll('\0', '')),
);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const count = maybe(fc.nat(2 ** 31));
/** Rounded to microseconds, as those of rows are. */
const ms = fc.nat(9_000_000_000).map((us) => Math.round(us) / 1_000);
const dayMs = Date.UTC(2026, 2, 10);

/** A new column fails to compile here until it is generated. */
type EveryColumn = Record<Exclude<keyof UsageRow, 'uid'>, fc.Arbitrary<unknown>>;

const rows: fc.Arbitrary<UsageRow> = fc
  .record(
    {
      started_ms: fc.nat(86_399_999).map((offset) => dayMs + offset),
      request_id: text,
      credential_id: maybe(fc.nat()),
      credential_name: text,
      team: maybe(text),
      end_user: maybe(text),
      session: maybe(text),
      tags: maybe(fc.array(text)),
      endpoint: text,
      model: fc.constantFrom('m', 'n', '"'),
      model_sent: maybe(text),
      provider: maybe(text),
      attempts: fc.nat(3),
      status: fc.constantFrom(200, 404),
      error: maybe(text),
      prompt_tokens: count,
      completion_tokens: count,
      usage_source: fc.constantFrom('provider', 'estimated', null),
      usage_classes: maybe(fc.nat(9).map((input) => ({ ...noClasses, input }))),
      cost_nano: count,
      currency: fc.constantFrom('USD', null),
      price_revision: maybe(text),
      stream: fc.boolean(),
      complete: fc.boolean(),
      duration_ms: ms,
      upstream_ms: ms,
      first_token_ms: maybe(ms),
      need_input: count,
      need_output: count,
      need_nano: count,
      translated_to: maybe(text),
      losses: maybe(text),
      cache: fc.constantFrom('hit', 'miss', null),
      saved_nano: count,
      saved_tokens: count,
      request_body: maybe(text),
      response_body: maybe(text),
      guardrails: maybe(fc.constant([])),
      daemon: maybe(text),
      mirror: maybe(text),
      compared: maybe(fc.constant({ provider: 'x', score: 0.5 })),
    } satisfies EveryColumn,
    { requiredKeys: [] },
  )
  .map((changes) => logRow({ started_ms: dayMs, ...changes } as Partial<UsageRow>));

/** A database, and a function that stores rows and reads them back. */
async function storage(t: Parameters<typeof testDatabase>[0]) {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, [new Date(dayMs).toISOString().slice(0, 10)]);
  return async (all: readonly UsageRow[]) => {
    await insertRequestLogs(sql, all);
    const stored = await sql`DELETE FROM request_logs RETURNING *`;
    const byUid = new Map(stored.map((row) => [row.uid as string, row]));
    return all.map(({ uid }) => {
      const { started_at, total_tokens, ...row } = byUid.get(uid) ?? {};
      return { ...row, started_ms: (started_at as Date | undefined)?.getTime() };
    });
  };
}

test('every row is stored unchanged', async (t) => {
  const storeAndRead = await storage(t);
  await fc.assert(
    fc.asyncProperty(fc.array(rows, { maxLength: 12 }), async (all) => {
      assert.deepEqual(await storeAndRead(all), all);
    }),
  );
});

test('rows of an older version, which lack newer columns, are stored too', async (t) => {
  const { cost_nano, cache, saved_nano, saved_tokens, guardrails, first_token_ms, ...old } = logRow(
    { started_ms: dayMs },
  );
  const { need_input, need_output, need_nano, usage_classes, tags, end_user, session, ...older } =
    old;
  const [read] = await (await storage(t))([older as UsageRow]);
  const missing = { cost_nano: null, cache: null, saved_nano: null, saved_tokens: null };
  const more = { need_input: null, need_output: null, need_nano: null, usage_classes: null };
  const rest = {
    guardrails: null,
    first_token_ms: null,
    tags: null,
    end_user: null,
    session: null,
  };
  assert.deepEqual(read, { ...older, ...missing, ...more, ...rest });
});

test('rows that differ in a single column are distinguished', async (t) => {
  const storeAndRead = await storage(t);
  const base = logRow({ started_ms: dayMs });
  const changes: Partial<UsageRow>[] = [
    ...[{ credential_name: 'x' }, { credential_id: 9 }, { provider: 'x' }, { status: 500 }],
    ...[{ endpoint: '/x' }, { model_sent: 'x' }, { attempts: 2 }, { error: 'x' }, { team: 'x' }],
    ...[{ usage_source: 'estimated' as const }, { currency: null }, { price_revision: 'x' }],
    ...[{ stream: false }, { complete: false }, { translated_to: 'x' }, { losses: 'x' }],
    ...[{ cache: 'hit' }, { model: 'x' }, { daemon: 'x' }, { mirror: 'x' }],
    ...[
      { end_user: 'x' },
      { session: 'x' },
      { tags: ['x'] },
      { guardrails: [] },
      { request_body: 'x' },
    ],
    ...[{ response_body: 'x' }, { usage_classes: noClasses }],
  ];
  for (const change of changes) {
    const changed = { ...base, ...change, uid: logRow().uid };
    const last = { ...base, uid: logRow().uid };
    const all = [base, changed, last];
    assert.deepEqual(await storeAndRead(all), all, JSON.stringify(change));
  }
});
