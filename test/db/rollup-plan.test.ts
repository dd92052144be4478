import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestFilter } from '../../src/db/queries/requests/request-filter.js';
import { planRollups, type SumState } from '../../src/db/queries/usage/rollup-plan.js';
import type { UsageGrouping } from '../../src/db/queries/usage/usage-sum.js';

const period = { since: new Date('2026-03-01T10:20:00Z'), until: new Date('2026-03-04T05:30:00Z') };

const starts = (...days: string[]) => days.map((day) => Date.parse(`2026-${day}`) / 1_000);

/** The plan in short: its parts, such as `key day 03-02T00:00 03-04T00:00`, those of rows last. */
function plan(
  by: UsageGrouping[],
  filter: Partial<RequestFilter> = {},
  timeZone = 'UTC',
  state: Partial<SumState> = {},
) {
  const noFolds = {
    ...{ filledFrom: null, untaggedFrom: null, totalsFrom: null },
    ...{ foldedDays: [], foldedWeeks: [], hourlyDays: [] },
  };
  const found = planRollups(by, { ...period, ...filter }, timeZone, { ...noFolds, ...state });
  const short = ({ since, until }: { since: Date; until: Date }) =>
    [since, until].map((time) => time.toISOString().slice(5, 16)).join(' ');
  return (
    found && [
      ...found.sums.map((part) =>
        [
          ...(part.table === 'usage_folds' ? ['fold'] : []),
          part.dimensions,
          part.grain,
          short(part),
        ].join(' '),
      ),
      ...found.rows.map((range) => `rows ${short(range)}`),
    ]
  );
}

test('whole days and hours are read from roll-ups, and the ends of a period from rows', () => {
  assert.deepEqual(plan(['key']), [
    'key day 03-02T00:00 03-04T00:00',
    'key hour 03-01T11:00 03-02T00:00',
    'key hour 03-04T00:00 03-04T05:00',
    'rows 03-01T10:20 03-01T11:00',
    'rows 03-04T05:00 03-04T05:30',
  ]);
});

test('a period of whole days needs nothing else', () => {
  const days = { since: new Date('2026-03-01'), until: new Date('2026-03-03') };
  assert.deepEqual(plan(['model'], days), ['model day 03-01T00:00 03-03T00:00']);
});

test('the smallest table that has all that is asked for is read', () => {
  const cases: [UsageGrouping[], Partial<RequestFilter>, string][] = [
    [[], {}, 'total'],
    [['day'], {}, 'total'],
    [['hour'], { team: 'chat' }, 'team'],
    [['provider'], { model: 'gpt*' }, 'model'],
    [['team'], {}, 'team'],
    [['team'], { key: 'alice' }, 'key'],
    [['tag'], { team: 'chat' }, 'tag'],
    [['day'], { tag: 'nightly' }, 'tag'],
    [['user', 'team'], {}, 'user'],
    [['team', 'model'], {}, 'key_model'],
    [['provider'], { key: 'alice' }, 'key_model'],
  ];
  for (const [by, filter, dimensions] of cases) {
    assert.equal(plan(by, filter)?.[0]?.split(' ')[0], dimensions, JSON.stringify([by, filter]));
  }
});

test('users, tags and keys with models are kept by day only: the rest of it is read from rows', () => {
  for (const by of [['user'], ['tag'], ['key', 'model']] as UsageGrouping[][]) {
    assert.deepEqual(plan(by), [
      `${by.join('_')} day 03-02T00:00 03-04T00:00`,
      'rows 03-01T10:20 03-02T00:00',
      'rows 03-04T00:00 03-04T05:30',
    ]);
  }
});

test('users and tags of a day that is not whole are read by hour once it is summed', () => {
  const hourlyDays = starts('03-01', '03-02', '03-03');
  const rest = ['rows 03-01T10:20 03-01T11:00', 'rows 03-04T00:00 03-04T05:30'];
  for (const by of [['user'], ['tag', 'team'], ['tag', 'day']] as UsageGrouping[][]) {
    assert.deepEqual(plan(by, {}, 'UTC', { hourlyDays }), [
      `${by[0]} day 03-02T00:00 03-04T00:00`,
      `fold ${by[0]} hour 03-01T11:00 03-02T00:00`,
      ...rest,
    ]);
  }
  const whole = ['fold user hour 03-01T11:00 03-04T00:00', ...rest];
  assert.deepEqual(plan(['user', 'hour'], {}, 'UTC', { hourlyDays }), whole);
  assert.deepEqual(plan(['user', 'day'], {}, 'Europe/Berlin', { hourlyDays }), whole);
  assert.deepEqual(plan(['team', 'hour'], { user: 'u' }, 'UTC', { hourlyDays }), whole);
  const second = { hourlyDays: hourlyDays.slice(1, 2) };
  assert.deepEqual(plan(['hour'], { user: 'u' }, 'UTC', second), [
    'fold user hour 03-02T00:00 03-03T00:00',
    'rows 03-01T10:20 03-02T00:00',
    'rows 03-03T00:00 03-04T05:30',
  ]);
  for (const by of [[], ['team'], ['key'], ['user', 'model']] as UsageGrouping[][]) {
    assert.deepEqual(plan(by, {}, 'UTC', { hourlyDays }), plan(by), by.join());
    const totalsFrom = new Date('2026-03-05');
    const found = plan(by, {}, 'UTC', { hourlyDays, totalsFrom });
    assert.deepEqual(found, plan(by, {}, 'UTC', { totalsFrom }), by.join());
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
    'total hour 03-01T11:00 03-04T05:00',
    'rows 03-01T10:20 03-01T11:00',
    'rows 03-04T05:00 03-04T05:30',
  ]);
  assert.deepEqual(plan(['key'], {}, 'Asia/Kolkata'), plan(['key']));
  assert.equal(plan(['hour'])?.[0], 'total hour 03-01T11:00 03-04T05:00');
});

test('a zone that differs from UTC in summer only has days of its own from winter to winter', () => {
  const year = { since: new Date('2026-01-01'), until: new Date('2026-12-31') };
  assert.deepEqual(plan(['day'], year, 'Europe/London'), ['total hour 01-01T00:00 12-31T00:00']);
  assert.equal(plan(['day'], year, 'Australia/Lord_Howe'), null);
});

test('days without whole sums are made of the hours of totals, and of models and keys before these', () => {
  const from = (time: string) => ({ totalsFrom: new Date(`2026-${time}:00Z`) });
  const ends = ['rows 03-01T10:20 03-01T11:00', 'rows 03-04T05:00 03-04T05:30'];
  assert.deepEqual(plan(['day']), ['total hour 03-01T11:00 03-04T05:00', ...ends]);
  assert.deepEqual(plan(['team'], {}, 'UTC', from('03-03T07:00')), [
    'team hour 03-03T07:00 03-04T05:00',
    'key day 03-02T00:00 03-03T00:00',
    'key hour 03-01T11:00 03-02T00:00',
    'key hour 03-03T00:00 03-03T07:00',
    ...ends,
  ]);
  const later = { ...from('03-03T07:00'), filledFrom: new Date('2026-03-04T01:00Z') };
  assert.equal(plan(['hour'], {}, 'UTC', later)?.[0], 'total hour 03-04T01:00 03-04T05:00');
  assert.equal(
    plan(['hour'], {}, 'UTC', from('03-05T00:00'))?.[0],
    'model hour 03-01T11:00 03-04T05:00',
  );
});

test('periods without roll-ups are read from rows', () => {
  const from = (time: string) => ({ filledFrom: new Date(`2026-${time}:00Z`) });
  assert.deepEqual(plan(['key'], {}, 'UTC', from('03-03T07:00')), [
    'key hour 03-03T07:00 03-04T05:00',
    'rows 03-01T10:20 03-03T07:00',
    'rows 03-04T05:00 03-04T05:30',
  ]);
  assert.equal(plan(['key'], {}, 'UTC', from('03-04T05:00')), null);
});

const fortnight = { since: new Date('2026-03-01T23:00Z'), until: new Date('2026-03-12T00:30Z') };
const folded = {
  foldedDays: starts(
    '03-01',
    '03-02',
    '03-03',
    '03-04',
    '03-05',
    '03-06',
    '03-07',
    '03-08',
    '03-10',
    '03-12',
  ),
  foldedWeeks: starts('03-02', '03-09'),
};

test('days and weeks that are summed by more dimensions are read from these, as far as they are whole', () => {
  assert.deepEqual(plan(['key'], fortnight, 'UTC', folded), [
    'fold key week 03-02T00:00 03-09T00:00',
    'fold key day 03-10T00:00 03-11T00:00',
    'key day 03-09T00:00 03-10T00:00',
    'key day 03-11T00:00 03-12T00:00',
    'key hour 03-01T23:00 03-02T00:00',
    'rows 03-12T00:00 03-12T00:30',
  ]);
  assert.deepEqual(plan(['key'], { ...fortnight, tag: 'a' }, 'UTC', folded), [
    'fold tag_key week 03-02T00:00 03-09T00:00',
    'fold tag_key day 03-10T00:00 03-11T00:00',
    'rows 03-01T23:00 03-02T00:00',
    'rows 03-09T00:00 03-10T00:00',
    'rows 03-11T00:00 03-12T00:30',
  ]);
  const before = { ...folded, filledFrom: new Date('2026-03-11T06:00Z') };
  assert.deepEqual(plan(['team'], fortnight, 'UTC', before), [
    'fold team week 03-02T00:00 03-09T00:00',
    'fold team day 03-10T00:00 03-11T00:00',
    'team hour 03-11T06:00 03-12T00:00',
    'rows 03-01T23:00 03-02T00:00',
    'rows 03-09T00:00 03-10T00:00',
    'rows 03-11T00:00 03-11T06:00',
    'rows 03-12T00:00 03-12T00:30',
  ]);
});

test('weeks are no days, and neither is made of hours or of days of another zone', () => {
  assert.deepEqual(plan(['team', 'day'], fortnight, 'UTC', folded)?.slice(0, 2), [
    'fold team day 03-02T00:00 03-09T00:00',
    'fold team day 03-10T00:00 03-11T00:00',
  ]);
  for (const [by, zone] of [
    [['team', 'hour'], 'UTC'],
    [['team', 'day'], 'Europe/Berlin'],
  ] as [UsageGrouping[], string][]) {
    assert.ok(
      !plan(by, fortnight, zone, folded)?.some((part) => part.startsWith('fold')),
      by.join(),
    );
  }
  assert.deepEqual(
    plan(['key'], fortnight, 'Asia/Kolkata', folded),
    plan(['key'], fortnight, 'UTC', folded),
  );
});

test('of the sums of whole days and weeks the fewest that will do are read', () => {
  const cases: [UsageGrouping[], Partial<RequestFilter>, string][] = [
    [['model'], {}, 'model'],
    [['tag'], { team: 'chat' }, 'tag'],
    [[], { tag: 'a' }, 'tag'],
    [['user'], {}, 'user'],
    [[], {}, 'fold total'],
    [['day'], {}, 'fold total'],
    [['team'], {}, 'fold team'],
    [['team'], { provider: 'p' }, 'fold team_model'],
    [['key'], { team: 'chat' }, 'fold key'],
    [['model'], { tag: 'a' }, 'fold tag_model'],
    [['team'], { tag: 'a', key: 'alice' }, 'fold tag_key'],
    [['key'], { model: 'm' }, 'fold key_model'],
    [['tag', 'key'], {}, 'fold tag_key'],
    [['tag'], { model: 'm' }, 'fold tag_model'],
  ];
  for (const [by, filter, dimensions] of cases) {
    const part = plan(by, { ...fortnight, ...filter }, 'UTC', folded)?.[0];
    assert.ok(part?.startsWith(`${dimensions} `), `${JSON.stringify([by, filter])}: ${part}`);
  }
  assert.equal(plan(['key'], { ...fortnight, tag: 'a', model: 'm' }, 'UTC', folded), null);
  const short = { since: new Date('2026-03-02T01:00Z'), until: new Date('2026-03-03T23:00Z') };
  assert.equal(plan(['key'], { ...short, tag: 'a' }, 'UTC', folded), null);
});

test('requests without tags are read from rows where the sums of a day lack them', () => {
  const state = { ...folded, untaggedFrom: new Date('2026-03-07') };
  assert.deepEqual(plan(['tag', 'key'], fortnight, 'UTC', state), [
    'fold tag_key day 03-07T00:00 03-09T00:00',
    'fold tag_key day 03-10T00:00 03-11T00:00',
    'rows 03-01T23:00 03-07T00:00',
    'rows 03-09T00:00 03-10T00:00',
    'rows 03-11T00:00 03-12T00:30',
  ]);
  const other = { ...fortnight, tag: 'a' };
  assert.deepEqual(plan(['key'], other, 'UTC', state), plan(['key'], other, 'UTC', folded));
});
