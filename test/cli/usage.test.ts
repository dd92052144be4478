import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compact, duration } from '../../src/cli/usage-view.js';
import { connect } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/request-log-partitions.js';
import { logRow } from '../support/usage-row.js';
import { json, usage, withOwnDatabase } from './llmproxy.js';

test('usage is summed in a table that fits 80 columns, and as JSON', async (t) => {
  const { run, dbUrl } = await withOwnDatabase(t);
  assert.match((await run(['usage'])).stderr, /no requests/);

  const sql = connect(dbUrl, { max: 1 });
  await createRequestLogPartitions(sql, ['2026-03-10']);
  const huge = { prompt_tokens: 123_456_789, completion_tokens: 987_654_321 };
  await insertRequestLogs(sql, [
    logRow({ credential_name: 'a key with a very long name indeed', ...huge }),
    logRow({ credential_name: 'bob', usage_source: 'estimated', duration_ms: 123_456 }),
    logRow({ credential_name: 'bob', provider: null, status: 404 }),
  ]);
  await sql.end();

  const period = ['--since', '2026-03-10', '--until', '2026-03-11'];
  for (const by of ['key', 'model', 'provider', 'day', 'hour']) {
    const { stdout, code } = await run(['usage', '--by', by, ...period]);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.match(lines[0] ?? '', new RegExp(`^${by.toUpperCase()} +REQS`));
    assert.match(lines.at(-1) ?? '', /^total +3 +1 /);
  }
  const printed = await json(run(['usage', '--by', 'key', ...period, '--json']));
  assert.equal(printed.since, '2026-03-10T00:00:00.000Z');
  assert.equal(printed.by, 'key');
  assert.deepEqual(
    printed.usage.map((sum: { group: string; requests: number }) => [sum.group, sum.requests]),
    [
      ['bob', 2],
      ['a key with a very long name indeed', 1],
    ],
  );
  assert.equal(printed.total.estimated_tokens, 15);
});

test('a period or grouping that makes no sense is a usage error that names the flag', async () => {
  await usage(['usage', '--since', 'yesterday'], /--since: "yesterday" is neither.*24h/);
  await usage(['usage', '--until', '3'], /--until: "3"/);
  await usage(['usage', '--since', '1h', '--until', '2h'], /--since: .*before/);
  await usage(['usage', '--by', 'colour'], /--by.*key, model, provider, day, hour/);
});

test('numbers and durations are short', () => {
  const numbers = [0, 99_999, 123_456, 999_499, 999_500, 4_560_000, 45_600_000, 1_234_567_890];
  assert.deepEqual(numbers.map(compact), [
    ...['0', '99999', '123k', '999k'],
    ...['1.00M', '4.56M', '45.6M', '1.23G'],
  ]);
  const times = [null, 0, 9.94, 9.96, 999, 1_000, 99_900, 600_000];
  assert.deepEqual(times.map(duration), [
    ...['-', '0.0ms', '9.9ms', '10ms'],
    ...['999ms', '1.0s', '99.9s', '10min'],
  ]);
});
