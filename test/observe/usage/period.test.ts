import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeriodError, parsePeriod } from '../../../src/observe/usage/period.js';

const now = new Date('2026-03-10T12:00:00Z');
const since = (text: string) => parsePeriod(text, null, now).since.toISOString();

test('a period is the last day by default', () => {
  assert.deepEqual(parsePeriod(null, undefined, now), {
    since: new Date('2026-03-09T12:00:00Z'),
    until: now,
  });
});

test('a time is an age or in ISO 8601, in UTC by default', () => {
  assert.equal(since('30m'), '2026-03-10T11:30:00.000Z');
  assert.equal(since('7d'), '2026-03-03T12:00:00.000Z');
  assert.equal(since('2w'), '2026-02-24T12:00:00.000Z');
  assert.equal(since('2026-01-31'), '2026-01-31T00:00:00.000Z');
  assert.equal(since('2026-01-31T08:00'), '2026-01-31T08:00:00.000Z');
  assert.equal(since('2026-01-31 08:00:01.5'), '2026-01-31T08:00:01.500Z');
  assert.equal(since('2026-01-31T08:00:00+02:00'), '2026-01-31T06:00:00.000Z');
  const { until } = parsePeriod('2d', '1d', now);
  assert.equal(until.toISOString(), '2026-03-09T12:00:00.000Z');
});

test('an invalid time is refused with its field and an example', () => {
  for (const text of [
    '',
    'yesterday',
    '24',
    '-1h',
    '1y',
    '2026-13-01',
    '2026',
    '99999999d',
    '999999w',
  ]) {
    assert.throws(
      () => parsePeriod(text, null, now),
      (error) => error instanceof PeriodError && error.field === 'since',
      text,
    );
  }
  assert.throws(() => parsePeriod(null, 'soon', now), { field: 'until', message: /"soon".*24h/ });
  assert.throws(() => parsePeriod('1h', '2h', now), { field: 'since', message: /before the end/ });
});
