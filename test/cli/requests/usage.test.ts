import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compact, duration } from '../../../src/cli/requests/usage-view.js';
import { connect } from '../../../src/db/client.js';
import { insertRequestLogs } from '../../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../../src/db/queries/requests/request-log-partitions.js';
import { logRow } from '../../support/usage-row.js';
import { json, usage, withOwnDatabase } from '../llmproxy.js';

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
    const { stdout, code } = await run(['usage', '--by', by, ...period], {
      env: { COLUMNS: '80' },
    });
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

test('tables of many periods of many keys are cut, and say so', async (t) => {
  const { run, dbUrl } = await withOwnDatabase(t);
  const sql = connect(dbUrl, { max: 1 });
  await createRequestLogPartitions(sql, ['2026-03-10']);
  const startMs = Date.parse('2026-03-10T00:00:00Z');
  const minutes = Array.from({ length: 1_001 }, (_, n) => startMs + n * 60_000);
  await insertRequestLogs(
    sql,
    minutes.map((started_ms) => logRow({ started_ms })),
  );
  await sql.end();
  const period = ['--since', '2026-03-10', '--until', '2026-03-11'];
  const count = async (...flags: string[]) => {
    const { stdout, stderr } = await run(['usage', ...flags, ...period]);
    const [, total] = /total +(\d+) /.exec(stdout) ?? [];
    const rows = stdout.trimEnd().split(/\r?\n/).length;
    return [rows, total, /at most 1000 sums are shown: --limit shows more/.test(stderr)];
  };
  assert.deepEqual(await count('--by', 'key,minute'), [1_002, '1001', true]);
  assert.deepEqual(await count('--by', 'minute'), [1_003, '1001', false]);
  assert.deepEqual(await count('--by', 'key,minute', '--limit', '2000'), [1_003, '1001', false]);
  assert.equal((await count('--by', 'key,minute', '--csv'))[0], 1_002);
});

test('usage by two groupings, filtered, in local time or UTC, as CSV', async (t) => {
  const { run, dbUrl } = await withOwnDatabase(t);
  const sql = connect(dbUrl, { max: 1 });
  await createRequestLogPartitions(sql, ['2026-03-10']);
  await insertRequestLogs(sql, [
    logRow({ credential_name: 'bob', started_ms: Date.parse('2026-03-10T20:30:00Z') }),
    logRow({
      ...{ credential_name: '=cmd,"x"', started_ms: Date.parse('2026-03-10T04:30:00Z') },
      request_id: '0190c2a4-7d0e-7bb4-9f0e-2f1d3c5b7a90',
      ...{ cost_nano: 250_000_000, tags: ['nightly', 'eu'], duration_ms: 12_000 },
    }),
    logRow({
      ...{ credential_name: 'bob', model: 'o3', error: 'upstream_failed', status: 502 },
      cost_nano: null,
    }),
  ]);
  await sql.end();
  const env = { TZ: 'Asia/Kathmandu', COLUMNS: '80' };
  const period = ['--since', '2026-03-10', '--until', '2026-03-12'];
  const local = await run(['usage', '--by', 'day,key', '--model', 'gpt*', ...period], { env });
  assert.match(local.stderr, /days and hours in Asia\/Kath?mandu/);
  assert.match(
    local.stdout,
    /^DAY +KEY +REQS.*\n2026-03-10 +=cmd.*\n2026-03-11 +bob .*\ntotal +2 /,
  );
  const utc = await run(['usage', '--by', 'hour', '--key', 'bob', '--utc', ...period], { env });
  assert.match(utc.stdout, /2026-03-10 12:00 +1 .*\n2026-03-10 20:00 +1 /);
  const printed = await run(['usage', '--by', 'key', '--csv', ...period], { env });
  assert.match(printed.stdout, /^key,requests,.*\r\nbob,2,1,.*\r\n"'=cmd,""x""",1,0,/);

  const most = await json(
    run(['usage', '--by', 'key', '--limit', '1', '--json', ...period], { env }),
  );
  assert.deepEqual(
    [most.usage.map(({ group }: { group: string }) => group), most.total.requests],
    [['bob'], 3],
  );
  const top = ['--by', 'key', '--top', '1', '--sort', '-cost_nano', '--json'];
  const first = await json(run(['usage', ...top, ...period], { env }));
  assert.deepEqual(
    first.usage.map(({ group }: { group: string | null }) => group),
    ['=cmd,"x"', null],
  );
  const slow = ['requests', '--sort', '-duration_ms', '--limit', '1', '--json', ...period];
  const [slowest] = await json(run(slow, { env }));
  assert.equal(slowest.duration_ms, 12_000);
  const rows = await run(['requests', '--utc', ...period], { env });
  const lines = rows.stdout.trimEnd().split('\n');
  assert.equal(lines.length, 4);
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.match(lines[1] ?? '', /^20:30:00 +200 +bob +gpt-4 +main +15 /);
  assert.match(rows.stderr, /times of 2026-03-10 in UTC/);
  const piped = await run(['requests', '--utc', ...period]);
  assert.match(piped.stdout, /\n2026-03-10 20:30:00 +200 +bob /);
  assert.match(piped.stderr, /times in UTC/);
  assert.match(rows.stderr, /ids are cut/);
  const whole = await run(['requests', ...period], { env: { COLUMNS: '120' } });
  assert.match(whole.stdout, / 0190c2a4-7d0e-7bb4-9f0e-2f1d3c5b7a90\n/);
  assert.doesNotMatch(whole.stderr, /ids are cut/);
  const failed = await json(run(['requests', '--status', '5xx', '--json', ...period], { env }));
  assert.deepEqual(
    failed.map(({ model, error }: { model: string; error: string }) => [model, error]),
    [['o3', 'upstream_failed']],
  );
  for (const [flags, found] of [
    [['--tag', 'night*'], ['=cmd,"x"']],
    [['--min-cost', '0.25'], ['=cmd,"x"']],
    [['--max-cost', '$0.000002'], ['bob']],
    [['--min-cost', '0.2500001'], []],
    [['--min-duration', '12000'], ['=cmd,"x"']],
  ] as const) {
    const matching = await json(run(['requests', ...flags, '--json', ...period], { env }));
    const keys = matching.map((row: { credential_name: string }) => row.credential_name);
    assert.deepEqual(keys, found, flags.join(' '));
  }
  const csv = await run(['requests', '--limit', '1', '--csv', ...period], { env });
  assert.match(csv.stdout, /^started_at,.*\r\n2026-03-10T20:30:00.000Z,req-1,bob,[^\r]*\r\n$/);
  assert.match((await run(['requests', '--key', 'nobody', ...period])).stderr, /no such requests/);
});

test('a period or grouping that makes no sense is a usage error that names the flag', async () => {
  await usage(['usage', '--since', 'yesterday'], /--since: "yesterday" is neither.*24h/);
  await usage(['usage', '--until', '3'], /--until: "3"/);
  await usage(['usage', '--since', '1h', '--until', '2h'], /--since: .*before/);
  for (const by of ['colour', 'key,key', 'key,day,hour', '']) {
    await usage(['usage', '--by', by], /--by.*key, team, user, tag, model, provider, day, hour/);
  }
  await usage(['usage', '--sort', 'colour'], /--sort: "colour" is not one of group, requests/);
  await usage(['usage', '--top', '0'], /--top: "0"/);
  await usage(['requests', '--sort', '-colour'], /--sort: "-colour" is not one of started_at/);
  await usage(['requests', '--status', 'teapot'], /--status: "teapot"/);
  await usage(['requests', '--min-cost', 'much'], /--min-cost: "much" is not an amount in dollars/);
  await usage(['requests', '--min-duration', '1.5'], /--min-duration: "1.5"/);
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
