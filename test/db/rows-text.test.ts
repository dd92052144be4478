import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rowsText } from '../../src/db/queries/requests/insert-request-logs.js';
import { noClasses } from '../../src/dialects/usage.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { logRow } from '../support/usage-row.js';

const text = fc.oneof(
  fc.constantFrom('a', 'b', '"', '\\', 'ü', '\n'),
  fc.string({ unit: 'binary' }),
);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const count = maybe(fc.nat(2 ** 31));
/** Rounded to microseconds, as those of rows are. */
const ms = fc.nat(9_000_000_000).map((us) => Math.round(us) / 1_000);

/** A new column fails to compile here until it is generated. */
type EveryColumn = Record<
  Exclude<keyof UsageRow, 'uid' | 'need_output' | 'need_nano'>,
  fc.Arbitrary<unknown>
>;

const rows: fc.Arbitrary<UsageRow> = fc
  .record(
    {
      started_ms: fc.oneof(fc.integer({ min: 0, max: 9e12 }), fc.constantFrom(0, 999, 1_000, 1.5)),
      request_id: text,
      credential_id: maybe(fc.nat()),
      credential_name: text,
      team: maybe(text),
      end_user: maybe(text),
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
  // Both others are there where the first is.
  .map((changes) => {
    const need = changes.need_input ?? null;
    return logRow({ ...changes, need_output: need, need_nano: need } as Partial<UsageRow>);
  });

test('the text of rows is JSON that says what they say', () => {
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 12 }), (all) => {
      const read = JSON.parse(rowsText(all)) as object[];
      assert.equal(read.length, all.length);
      for (const [index, row] of all.entries()) {
        const empty = Object.fromEntries(Object.keys(row).map((column) => [column, null]));
        assert.deepEqual({ ...empty, ...read[index] }, JSON.parse(JSON.stringify(row)));
      }
    }),
  );
});

test('rows of an older version, which lack newer columns, are written too', () => {
  const { cost_nano, cache, saved_nano, saved_tokens, guardrails, first_token_ms, ...old } =
    logRow();
  const { need_input, need_output, need_nano, usage_classes, tags, end_user, ...older } = old;
  const [read] = JSON.parse(rowsText([older as UsageRow])) as Record<string, unknown>[];
  assert.equal(read?.request_id, older.request_id);
  assert.equal(read?.cost_nano, null);
  assert.equal('first_token_ms' in (read ?? {}), false);
});

test('rows that differ in one column each are told apart', () => {
  const base = logRow();
  const changes: Partial<UsageRow>[] = [
    ...[{ credential_name: 'x' }, { credential_id: 9 }, { provider: 'x' }, { status: 500 }],
    ...[{ endpoint: '/x' }, { model_sent: 'x' }, { attempts: 2 }, { error: 'x' }, { team: 'x' }],
    ...[{ usage_source: 'estimated' as const }, { currency: null }, { price_revision: 'x' }],
    ...[{ stream: false }, { complete: false }, { translated_to: 'x' }, { losses: 'x' }],
    ...[{ cache: 'hit' }, { model: 'x' }, { daemon: 'x' }, { mirror: 'x' }],
  ];
  for (const change of changes) {
    const [first, second] = JSON.parse(rowsText([base, { ...base, ...change }]));
    const [name = ''] = Object.keys(change);
    assert.equal(first[name], Reflect.get(base, name));
    assert.equal(second[name], Reflect.get(change, name), name);
  }
});
