import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curlOf, flagsOf } from '../../src/console/lib/command-text.js';
import {
  age,
  bytes,
  compact,
  duration,
  fieldTime,
  money,
  percent,
  timeZone,
} from '../../src/console/lib/format.js';
import { forgetKept, keep, useKept } from '../../src/console/lib/kept.js';
import { complete, type Schema } from '../../src/console/lib/schema.js';
import { nextOrder, sorted } from '../../src/console/lib/sort.js';
import { drawnSeries, seriesAt, stepAt } from '../../src/console/lib/stack.js';
import {
  comparedWith,
  dayPeriod,
  periodOf,
  projected,
  stepPeriod,
  timeline,
} from '../../src/console/lib/timeline.js';
import { stacked } from '../../src/console/lib/usage-stack.js';

test('numbers are short, and keep what tells them apart', () => {
  assert.deepEqual([0, 9_999, 10_000, 12_345, 999_499, 999_500, 1_230_000_000].map(compact), [
    ...['0', '9,999', '10.0k', '12.3k', '999k', '1.00M', '1.23B'],
  ]);
  assert.deepEqual(
    [null, 0, 3.21, 10, 218.4, 1_420, 59_900, 90_000, 180_000, 2_700_400].map(duration),
    [
      ...['–', '0 ms', '3.2 ms', '10 ms', '218 ms', '1.42 s', '59.9 s', '1 min 30 s', '3 min'],
      ...['45 min'],
    ],
  );
  assert.deepEqual([0, 0.0004, 0.123, 0.9994, 0.9995, 1, Number.NaN].map(percent), [
    ...['0 %', '0.04 %', '12.3 %', '99.9 %', '100 %', '100 %', '–'],
  ]);
  assert.deepEqual([1_048_575, 1_048_576, 104_857_599, 104_857_600].map(bytes), [
    ...['1024 KB', '1.0 MB', '100.0 MB', '100 MB'],
  ]);
  const ages = [59, 60, 3_599, 3_600, 172_799, 172_800].map((seconds) => age(0, seconds * 1_000));
  assert.deepEqual(ages, ['59 s', '1 min', '60 min', '1 h', '48 h', '2 d']);
  assert.deepEqual([0, 4e-7, 0.000453, 0.00312, 0.04, 0.156, 1_204.306].map(money), [
    ...['$0.00', '<$0.000001', '$0.000453', '$0.003120', '$0.040', '$0.16', '$1,204.31'],
  ]);
});

test('commands to copy hold names that others chose as words', () => {
  const evil = "a'$(run)`run`";
  const word = "'a'\\''$(run)`run`'";
  assert.equal(
    flagsOf({ user: evil, limit: 5, team: '', since: null }),
    ` --user ${word} --limit 5`,
  );
  const command = { cli: null, path: "teams/x?y='", method: 'PUT', body: { name: evil } } as const;
  assert.equal(
    curlOf(command, 'https://gateway/console#/teams'),
    [
      "curl -X PUT 'https://gateway/admin/v1/teams/x?y='\\'''",
      '  -H "Authorization: Bearer $ADMIN_KEY"',
      '  -H "Content-Type: application/json"',
      `  -d '{"name":"a'\\''$(run)\`run\`"}'`,
    ].join(' \\\n'),
  );
});

test('rows are sorted by numbers or texts, those without a value last, equal ones as before', () => {
  const rows = [
    { name: 'key-10', cost: 2 },
    { name: 'key-9', cost: null },
    { name: 'Key-1', cost: 10 },
    { name: '', cost: 2 },
  ];
  const names = (by: 'name' | 'cost', isReverse: boolean) =>
    sorted(rows, (row) => row[by], isReverse).map(({ name }) => name);
  assert.deepEqual(names('name', false), ['Key-1', 'key-9', 'key-10', '']);
  assert.deepEqual(names('name', true), ['key-10', 'key-9', 'Key-1', '']);
  assert.deepEqual(names('cost', false), ['key-10', '', 'Key-1', 'key-9']);
  assert.deepEqual(names('cost', true), ['Key-1', 'key-10', '', 'key-9']);
  assert.equal(rows[0]?.name, 'key-10', 'the rows stay as they are');
});

test('a column sorts in one direction, then in the other, then no more', () => {
  const clicks = (isNumber: boolean) => {
    const orders = [nextOrder('other', 'a', isNumber)];
    for (let i = 0; i < 3; i++) orders.push(nextOrder(orders[i] ?? '', 'a', isNumber));
    return orders;
  };
  assert.deepEqual(clicks(false), ['a', '-a', '', 'a']);
  assert.deepEqual(clicks(true), ['-a', 'a', '', '-a']);
});

const series = (label: string, ...values: (number | null)[]) => ({
  ...{ label, color: 0, isBars: true, values },
});

test('stacked bars stand on those below, and a click finds the one that is seen', () => {
  const all = [series('a', 3, 0, null), series('b', 1, 2, 5), series('c', 0, 4, 1)];
  const stack = drawnSeries(all, new Set(), true);
  assert.deepEqual(
    stack.map(({ label, values }) => [label, ...values]),
    [
      ['c', 4, 6, 6],
      ['b', 4, 2, 5],
      ['a', 3, 0, 0],
    ],
  );
  const at = (step: number, ...heights: number[]) => heights.map((y) => seriesAt(stack, step, y));
  assert.deepEqual(at(0, 0.1, 3, 3.1, 4, 4.1), ['a', 'a', 'b', 'b', null]);
  assert.deepEqual(at(1, 1, 2.5, 7), ['b', 'c', null]);
  assert.deepEqual(at(9, 0), [null]);
  assert.deepEqual(
    drawnSeries(all, new Set(['b']), true).map(({ values }) => values[1]),
    [4, 0],
    'without a hidden one',
  );
  const beside = drawnSeries(all, new Set(['c']), false);
  assert.deepEqual(beside, all.slice(0, 2), 'not stacked: as they are');
  assert.equal(seriesAt([{ ...series('line', 5), isBars: false }], 0, 1), null);
});

test('a step lasts until the next one begins', () => {
  const times = [100, 160, 220];
  assert.deepEqual(
    [0, 100, 159, 160, 219, 220, 999].map((at) => stepAt(times, at)),
    [...[0, 0, 0, 1, 1, 2, 2]],
  );
  assert.equal(stepAt([], 5), -1);
  const period = (step: number, end?: number) =>
    Object.values(stepPeriod({ times, stepSeconds: 60 }, step, end));
  assert.deepEqual(period(0), ['1970-01-01T00:01:40.000Z', '1970-01-01T00:02:40.000Z']);
  const long = stepPeriod({ times: [0, 90_000], stepSeconds: 86_400 }, 0);
  assert.equal(long.until, '1970-01-02T01:00:00.000Z', 'a step that is longer than others');
  assert.deepEqual(period(2), ['1970-01-01T00:03:40.000Z', '1970-01-01T00:04:40.000Z']);
  assert.deepEqual(period(0, 1), ['1970-01-01T00:01:40.000Z', '1970-01-01T00:03:40.000Z']);
  assert.deepEqual(period(0, 2), ['1970-01-01T00:01:40.000Z', '1970-01-01T00:04:40.000Z']);
  inZone('America/New_York', () => {
    const { since, until } = dayPeriod('2026-11-01T04:00:00.000Z');
    assert.equal(Date.parse(until) - Date.parse(since), 25 * 3_600_000, 'a day of 25 hours');
  });
});

test('usage over time has the largest group at the bottom, and all others on top', () => {
  const sum = (group: string, subgroup: string | null, cost_nano: number) =>
    ({ group, subgroup, cost_nano, requests: 1 }) as Parameters<typeof stacked>[0]['usage'][number];
  const [first, second] = ['2026-11-03T10:00:00Z', '2026-11-03T11:00:00Z'];
  const period = { since: first, until: '2026-11-03T12:00:00Z' };
  const usage = [
    ...[sum(first, 'small', 1), sum(first, null, 9), sum(second, 'large', 4)],
    ...[sum(second, 'small', 2)],
  ];
  const labels = { only: 'Cost', others: 'All others' };
  const found = stacked({ ...period, by: 'hour,model', usage }, '24h', 'cost_nano', labels);
  assert.deepEqual(
    found.series.map(({ label, color, values }) => [label, color, ...values]),
    [
      ['large', 0, 0, 4],
      ['small', 5, 1, 2],
      ['All others', 4, 9, 0],
    ],
  );
  assert.deepEqual([...found.names], ['large', 'small']);
  const only = [sum(first, null, 3), sum(second, null, 4)];
  for (const by of ['hour', 'hour,team']) {
    const sums = { ...period, by, usage: only };
    const { series: all, names } = stacked(sums, '24h', 'cost_nano', labels);
    assert.deepEqual(
      all.map(({ label, values }) => [label, ...values]),
      [['Cost', 3, 4]],
      by,
    );
    assert.equal(names.size, 0);
  }
  const days = stacked({ ...period, by: 'day,model', usage: [] }, '7d', 'cost_nano', labels);
  assert.equal(days.stepSeconds, 86_400, 'the step is that of the sums');
  const none = stacked({ ...period, by: 'hour,key', usage: [] }, '24h', 'requests', labels);
  assert.deepEqual(none.series[0]?.values, [0, 0]);
});

const schema: Schema = {
  properties: {
    providers: {
      additionalProperties: {
        properties: {
          weight: { description: 'Share' },
          provider_type: { enum: ['openai', 'azure'] },
          is_enabled: { type: 'boolean' },
        },
      },
    },
  },
};
const offered = (text: string) =>
  complete(schema, text, text.length).completions.map((each) => each.text);

test('completion follows the indentation, and offers the values of a field', () => {
  assert.deepEqual(offered('prov'), ['providers']);
  assert.deepEqual(offered('providers'), [], 'it is written already');
  assert.deepEqual(offered('providers:\n  main:\n    we'), ['weight']);
  assert.deepEqual(offered('providers:\n  "a b":\n    weight: 1\n    '), [
    ...['weight', 'provider_type', 'is_enabled'],
  ]);
  assert.deepEqual(offered('providers:\n  main:\n    provider_type: a'), ['azure']);
  assert.deepEqual(offered('providers:\n  main:\n    is_enabled: '), ['true', 'false']);
  assert.deepEqual(offered('providers:\n  ma'), []);
  assert.deepEqual(offered('providers:\n  main: # we'), []);
});

/** Runs in another time zone than this machine's. */
function inZone(name: string, run: () => void): void {
  const before = process.env.TZ;
  process.env.TZ = name;
  try {
    run();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}

test('months and days are those of the viewer, also where the clock changes', () => {
  inZone('America/New_York', () => {
    const now = new Date('2026-11-03T12:00:00Z');
    assert.deepEqual(periodOf('7d', now), { since: '7d' });
    assert.deepEqual(periodOf('month', now), { since: '2026-11-01T04:00:00.000Z' });
    assert.deepEqual(periodOf('last-month', now), {
      since: '2026-10-01T04:00:00.000Z',
      until: '2026-11-01T04:00:00.000Z',
    });
    assert.equal(fieldTime('2026-11-03T12:00:00Z'), '2026-11-03T07:00');
    const usage = [{ group: '2026-11-02T05:00:00.000Z', requests: 7 }];
    const days = timeline(
      { since: '2026-10-31T12:00:00Z', until: now.toISOString(), usage },
      'month',
    );
    assert.equal(timeZone(now).offset, 'UTC−5');
    // The first of November has 25 hours there.
    assert.deepEqual(
      days.times.map((time) => new Date(time * 1_000).toISOString().slice(5, 13)),
      ['10-31T04', '11-01T04', '11-02T05', '11-03T05'],
    );
    assert.deepEqual(
      days.sums.map((sum) => sum?.requests ?? 0),
      [0, 0, 7, 0],
    );
    assert.equal(days.stepSeconds, 86_400);
  });
});

test('a step that has just begun is not shown before it has', () => {
  inZone('Asia/Kolkata', () => assert.equal(timeZone().offset, 'UTC+5:30'));
  const odd = { since: '2026-11-03T10:20:30.5Z', until: '2026-11-03T12:00:00Z', usage: [] };
  assert.equal(timeline(odd, '1h').times[0], Date.parse('2026-11-03T10:20:00Z') / 1_000);
  assert.equal(timeline(odd, '24h').times[0], Date.parse('2026-11-03T10:00:00Z') / 1_000);
  const hours = { since: '2026-11-03T10:20:00Z', until: '2026-11-03T12:00:00Z', usage: [] };
  assert.equal(timeline(hours, '24h').times.length, 2);
  assert.equal(timeline({ ...hours, until: '2026-11-03T12:00:01Z' }, '24h').times.length, 3);
  assert.equal(timeline(hours, '1h').times.length, 100);
});

test('a period is compared with the one before it, a month with the same days', () => {
  inZone('UTC', () => {
    const before = (span: Parameters<typeof comparedWith>[0], now: string) =>
      Object.values(comparedWith(span, new Date(now))).map((time) => time.slice(0, 13));
    assert.deepEqual(comparedWith('7d'), { compare_since: '14d' });
    assert.deepEqual(before('month', '2026-11-10T12:00:00Z'), ['2026-10-01T00', '2026-10-10T12']);
    // February is over before the 30th.
    assert.deepEqual(before('month', '2026-03-30T00:00:00Z'), ['2026-02-01T00', '2026-03-01T00']);
    assert.deepEqual(before('last-month', '2026-11-20T00:00:00Z'), [
      ...['2026-09-01T00', '2026-10-01T00'],
    ]);
    const { compare_since: since = '', compare_until: until = '' } = comparedWith(
      'month',
      new Date('2026-11-01T00:00:00Z'),
    );
    assert.ok(since < until, 'a period has a length');
  });
});

test('what is kept for a page is there when it is shown again, and gone for the next person', () => {
  const read = () => useKept('test.text', 'initial')[0];
  assert.equal(read(), 'initial');
  keep('test.text', 'written');
  assert.equal(read(), 'written');
  const [, set] = useKept('test.text', '');
  set((now) => `${now} twice`);
  assert.equal(read(), 'written twice');
  forgetKept();
  assert.equal(read(), 'initial');
});

test('a month is estimated at its pace, but not from its first hours', () => {
  const at = (day: number, hour: number) => projected(300, new Date(2026, 3, day, hour));
  assert.equal(at(16, 0), 600);
  assert.equal(at(25, 0), 375);
  assert.equal(at(1, 5), null);
  assert.equal(at(1, 6), 36_000);
});
