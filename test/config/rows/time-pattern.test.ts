import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timePattern, timeProblems } from '../../../src/config/rows/time-pattern.js';

test('a text in the form of a time is refused where PostgreSQL takes none such', () => {
  const form = new RegExp(timePattern);
  for (const time of ['2026-02-28', '2028-02-29T23:59:59.5Z', '2026-01-01T00:00:00-15:59', null]) {
    assert.deepEqual(timeProblems('at', time), [], String(time));
  }
  for (const time of [
    ...['2026-02-29', '2026-13-01', '0000-01-01', '2026-01-00', '2026-04-31T10:00:00Z'],
    ...['2026-01-01T25:00:00Z', '2026-01-01T00:00:00+16:00'],
  ]) {
    assert.match(time, form);
    assert.deepEqual(timeProblems('at', time), [['at', 'is not a time']], time);
  }
});
