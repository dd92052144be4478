import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestFilter } from '../../src/db/queries/requests/request-filter.js';
import { planRollups } from '../../src/db/queries/usage/rollup-plan.js';
import type { UsageGrouping } from '../../src/db/queries/usage/usage-sum.js';

const period = { since: new Date('2026-03-01T10:20:00Z'), until: new Date('2026-03-04T05:30:00Z') };

/** The plan in short: its dimensions, and each part as `03-01T10:20 03-04T05:30`. */
function plan(
  by: UsageGrouping[],
  filter: Partial<RequestFilter> = {},
  timeZone = 'UTC',
  filledFrom: string | null = null,
) {
  const found = planRollups(
    by,
    { ...period, ...filter },
    timeZone,
    filledFrom === null ? null : new Date(filledFrom),
  );
  const short = (ranges: { since: Date; until: Date }[] = []) =>
    ranges.map(({ since, until }) =>
      [since, until].map((time) => time.toISOString().slice(5, 16)).join(' '),
    );
  return (
    found && [found.dimensions, short(found.days), short(found.hours), short(found.rows)].flat()
  );
}

test('whole days and hours are read from roll-ups, and the ends of a period from rows', () => {
  assert.deepEqual(plan(['key']), [
    'key',
    '03-02T00:00 03-04T00:00',
    '03-01T11:00 03-02T00:00',
    '03-04T00:00 03-04T05:00',
    '03-01T10:20 03-01T11:00',
    '03-04T05:00 03-04T05:30',
  ]);
});

test('a period of whole days needs nothing else', () => {
  const days = { since: new Date('2026-03-01'), until: new Date('2026-03-03') };
  assert.deepEqual(plan(['model'], days), ['model', '03-01T00:00 03-03T00:00']);
});

test('the smallest table that has all that is asked for is read', () => {
  const cases: [UsageGrouping[], Partial<RequestFilter>, string][] = [
    [[], {}, 'model'],
    [['day'], {}, 'model'],
    [['provider'], { model: 'gpt*' }, 'model'],
    [['team'], {}, 'key'],
    [['team'], { key: 'alice' }, 'key'],
    [['tag'], { team: 'chat' }, 'tag'],
    [['day'], { tag: 'nightly' }, 'tag'],
    [['user', 'team'], {}, 'user'],
    [['team', 'model'], {}, 'key_model'],
    [['provider'], { key: 'alice' }, 'key_model'],
  ];
  for (const [by, filter, dimensions] of cases) {
    assert.equal(plan(by, filter)?.[0], dimensions, JSON.stringify([by, filter]));
  }
});

test('users, tags and keys with models are kept by day only: the rest of it is read from rows', () => {
  for (const by of [['user'], ['tag'], ['key', 'model']] as UsageGrouping[][]) {
    assert.deepEqual(plan(by)?.slice(1), [
      '03-02T00:00 03-04T00:00',
      '03-01T10:20 03-02T00:00',
      '03-04T00:00 03-04T05:30',
    ]);
  }
});

test('periods that no roll-up covers are read from rows', () => {
  const cases: [UsageGrouping[], Partial<RequestFilter>, string?][] = [
    [['minute'], {}],
    [['key'], { status: '5xx' }],
    [['key'], { error: 'overloaded' }],
    [['key'], { requestId: 'x' }],
    [['key'], { minDurationMs: 5 }],
    [['key'], { minCostNano: 0 }],
    [['key'], { maxCostNano: 0 }],
    [['key'], { cursor: 'x' }],
    [['key'], { tag: 'nightly' }],
    [['user', 'model'], {}],
    [['user', 'hour'], {}],
    [['tag', 'team'], { tag: 'nightly' }],
    [['day'], { tag: 'night*' }],
    [['user', 'day'], {}, 'Europe/Berlin'],
    [['hour'], {}, 'Asia/Kolkata'],
    [['key'], { since: new Date('2026-03-01T10:20Z'), until: new Date('2026-03-01T11:59Z') }],
    [['user'], { since: new Date('2026-03-01T00:01Z'), until: new Date('2026-03-02T23:59Z') }],
  ];
  for (const [by, filter, zone] of cases) {
    assert.equal(plan(by, filter, zone), null, JSON.stringify([by, filter, zone]));
  }
});

test('days of another time zone are made of hours, and a zone matters to days only', () => {
  assert.deepEqual(plan(['day'], {}, 'Europe/Berlin'), [
    'model',
    '03-01T11:00 03-04T05:00',
    '03-01T10:20 03-01T11:00',
    '03-04T05:00 03-04T05:30',
  ]);
  assert.deepEqual(plan(['key'], {}, 'Asia/Kolkata'), plan(['key']));
  assert.deepEqual(plan(['hour'])?.[1], '03-01T11:00 03-04T05:00');
});

test('periods without roll-ups are read from rows', () => {
  assert.deepEqual(plan(['key'], {}, 'UTC', '2026-03-03T07:00:00Z'), [
    'key',
    '03-03T07:00 03-04T05:00',
    '03-01T10:20 03-03T07:00',
    '03-04T05:00 03-04T05:30',
  ]);
  assert.equal(plan(['key'], {}, 'UTC', '2026-03-04T05:00:00Z'), null);
});
