import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffLines, folded } from '../../src/console/lib/diff.js';
import { compact, duration, fieldTime, money, percent } from '../../src/console/lib/format.js';
import { forgetKept, keep, useKept } from '../../src/console/lib/kept.js';
import { complete, type Schema } from '../../src/console/lib/schema.js';
import { periodBefore, periodOf, timeline } from '../../src/console/lib/timeline.js';

test('numbers are short, and keep what tells them apart', () => {
  assert.deepEqual([0, 9_999, 10_000, 12_345, 999_499, 999_500, 1_230_000_000].map(compact), [
    ...['0', '9,999', '10.0k', '12.3k', '999k', '1.00M', '1.23B'],
  ]);
  assert.deepEqual(
    [null, 0, 3.21, 218.4, 1_420, 59_900, 90_000, 180_000, 2_700_400].map(duration),
    [...['–', '0 ms', '3.2 ms', '218 ms', '1.42 s', '59.9 s', '1 min 30 s', '3 min', '45 min']],
  );
  assert.deepEqual([0, 0.0004, 0.123, 1, Number.NaN].map(percent), [
    ...['0 %', '0.04 %', '12.3 %', '100 %', '–'],
  ]);
  assert.deepEqual([0, 4e-7, 0.000453, 0.00312, 0.04, 0.156, 1_204.306].map(money), [
    ...['$0.00', '<$0.000001', '$0.000453', '$0.003120', '$0.040', '$0.16', '$1,204.31'],
  ]);
});

test('a diff has every line of both texts, and as few changes as possible', () => {
  const lines = diffLines('a\nb\nc\nd', 'a\nc\nx\nd');
  assert.deepEqual(
    lines.map(({ kind, text }) => `${kind} ${text}`),
    ['same a', 'remove b', 'same c', 'add x', 'same d'],
  );
  assert.deepEqual(folded(diffLines('a\nb', 'a\nb')), []);
  const long = Array.from({ length: 20 }, (_, line) => `line ${line}`);
  const changed = long.map((line, index) => (index === 10 ? 'other' : line));
  const shown = folded(diffLines(long.join('\n'), changed.join('\n')), 1);
  assert.deepEqual(
    shown.map((line) => line?.text ?? null),
    ['line 9', 'line 10', 'other', 'line 11', null],
  );
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
  const hours = { since: '2026-11-03T10:20:00Z', until: '2026-11-03T12:00:00Z', usage: [] };
  assert.equal(timeline(hours, '24h').times.length, 2);
  assert.equal(timeline({ ...hours, until: '2026-11-03T12:00:01Z' }, '24h').times.length, 3);
  assert.equal(timeline(hours, '1h').times.length, 100);
});

test('a period is compared with the one before it, a month with the same days', () => {
  inZone('UTC', () => {
    const before = (span: Parameters<typeof periodBefore>[0], since: string, until: string) =>
      Object.values(periodBefore(span, { since, until })).map((time) => time.slice(0, 13));
    assert.deepEqual(before('7d', '2026-11-03T12:00:00Z', '2026-11-10T12:00:00Z'), [
      ...['2026-10-27T12', '2026-11-03T12'],
    ]);
    assert.deepEqual(before('month', '2026-11-01T00:00:00Z', '2026-11-10T12:00:00Z'), [
      ...['2026-10-01T00', '2026-10-10T12'],
    ]);
    // February is over before the 30th.
    assert.deepEqual(before('month', '2026-03-01T00:00:00Z', '2026-03-30T00:00:00Z'), [
      ...['2026-02-01T00', '2026-03-01T00'],
    ]);
    assert.deepEqual(before('last-month', '2026-10-01T00:00:00Z', '2026-11-01T00:00:00Z'), [
      ...['2026-09-01T00', '2026-10-01T00'],
    ]);
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
