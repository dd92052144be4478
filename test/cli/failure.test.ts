import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorMessage } from '../../src/cli/failure.js';

test('messages of errors begin without a capital, but names keep theirs', () => {
  for (const [written, shown] of [
    ['There is no key "A".', 'there is no key "A"'],
    ['Cannot use PostgreSQL at x', 'cannot use PostgreSQL at x'],
    ['PostgreSQL 12 is too old.', 'PostgreSQL 12 is too old'],
    ['EACCES: permission denied', 'EACCES: permission denied'],
    ['A key has no team', 'a key has no team'],
  ] as const) {
    assert.equal(errorMessage(new Error(written)), shown);
  }
  assert.equal(errorMessage(new AggregateError([new Error('First fails.')])), 'first fails');
  assert.equal(errorMessage('text'), 'text');
});
