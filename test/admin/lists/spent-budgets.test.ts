import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spentBudgets } from '../../../src/admin/lists/spent-budgets.js';
import type { Budget } from '../../../src/config/rows/budget.js';

const nowMs = Date.parse('2026-11-18T12:00:00Z');
const month = new Date('2026-11-01T00:00:00Z');
const budget = (fields: Partial<Budget> & { name: string }): Budget => ({
  ...{ amount: 100, window: 'month', mode: 'hard', applies_to: {}, alerts: [], webhook: null },
  ...{ ceiling: null, is_enabled: true, ...fields },
});
const budgets = [
  budget({ id: 7, name: 'Chat', applies_to: { team: 'chat' } }),
  budget({ id: 8, name: 'batch', amount: 50, mode: 'soft', applies_to: { team: 'batch' } }),
  budget({ name: 'of a file', window: 'total', applies_to: { team: 'chat', model: 'o3' } }),
  budget({ id: 9, name: 'älter', amount: 200, is_enabled: false, applies_to: { key: 'alice' } }),
];
const total = (name: string, window_start: Date, spent_nano: number, requests: number) => ({
  ...{ budget: name, window_start, spent_nano, requests },
});
const totals = [
  total('7', month, 90, 3),
  // A window that is over.
  total('7', new Date('2026-10-01T00:00:00Z'), 77, 9),
  total('8', month, 60, 2),
  total('file:of a file', new Date(0), 10, 40),
];

function names(query: string): string[] {
  const found = spentBudgets(budgets, totals, new URLSearchParams(query), nowMs);
  return found.budgets.map(({ name }) => name);
}

test('a budget has the spend of its present window, what is left and its share', () => {
  const { budgets: all, total: count } = spentBudgets(
    budgets,
    totals,
    new URLSearchParams(),
    nowMs,
  );
  assert.equal(count, 4);
  assert.deepEqual(
    all.map(({ name, spent_nano, left_nano, share, requests, mode, is_enabled }) => [
      ...[name, spent_nano, left_nano, share, requests, mode, is_enabled],
    ]),
    [
      ['Chat', 90, 10, 0.9, 3, 'hard', true],
      ['batch', 60, 0, 1.2, 2, 'soft', true],
      ['of a file', 10, 90, 0.1, 40, 'hard', true],
      ['älter', 0, 200, 0, 0, 'hard', false],
    ],
  );
  assert.deepEqual(
    all.map(({ window_start, resets_at }) => [window_start, resets_at]).slice(1, 3),
    [
      [month, new Date('2026-12-01T00:00:00Z')],
      [new Date(0), null],
    ],
  );
});

test('budgets are found by name and team, sorted, and paged', () => {
  assert.deepEqual(names('search=CHA'), ['Chat']);
  assert.deepEqual(names('name=chat'), []);
  assert.deepEqual(names('name=Chat'), ['Chat']);
  assert.deepEqual(names('team=chat&team=batch'), ['Chat', 'batch'], 'and of nothing else');
  assert.deepEqual(names('key=chat'), []);
  assert.deepEqual(names('key=alice&team=batch'), ['batch', 'älter']);
  assert.deepEqual(names('sort=name'), ['älter', 'batch', 'Chat', 'of a file']);
  assert.deepEqual(names('sort=-share'), ['batch', 'Chat', 'of a file', 'älter']);
  assert.deepEqual(names('sort=left_nano'), ['batch', 'Chat', 'of a file', 'älter']);
  assert.deepEqual(names('sort=-resets_at').at(-1), 'of a file', 'one that never resets is last');
  assert.deepEqual(names('sort=resets_at').at(-1), 'of a file');
  assert.deepEqual(names('sort=-requests&limit=2&offset=1'), ['Chat', 'batch']);
  const { total: count } = spentBudgets(
    budgets,
    totals,
    new URLSearchParams('search=t&limit=1'),
    nowMs,
  );
  assert.equal(count, 3, 'of all pages');
});
