import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Budget, newBudget } from '../../../src/config/rows/budget.js';
import { budgetsOf } from '../../../src/proxy/admission/spend.js';
import { compileBudgets, type Selected } from '../../../src/routing/budgets.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { configuration, credential } from '../../config/configuration-for-test.js';

const dayMs = 86_400_000;
const today = Date.UTC(2026, 0, 15);
const anybody: Selected = { user: null, tags: [], model: 'm' };

/** Names of the budgets of a key's request, with the start of their windows. */
function askerOf(...budgets: (Partial<Budget> & { name: string })[]) {
  const all = budgets.map((each) => ({ ...newBudget, id: null, amount: 1, ...each }));
  const table = compileBudgets(all);
  assert.ok(table);
  const [key] = buildSnapshot(configuration([], [credential('k')]), '').credentials.values();
  assert.ok(key);
  return (nowMs: number, selected = anybody) =>
    budgetsOf(table, key, selected, nowMs).map(
      ({ budget, ref }) => `${budget.config.name} ${(ref.windowStart - today) / dayMs}`,
    );
}

test('a budget starts again with each of its windows, also where the clock goes back', () => {
  const of = askerOf({ name: 'day', window: 'day' }, { name: 'month' });
  assert.deepEqual(of(today + 5), ['day 0', 'month -14']);
  assert.deepEqual(of(today + dayMs - 1), ['day 0', 'month -14']);
  assert.deepEqual(of(today + dayMs), ['day 1', 'month -14']);
  assert.deepEqual(of(today - 1), ['day -1', 'month -14']);
  assert.deepEqual(of(Date.UTC(2026, 1, 1)), ['day 17', 'month 17']);
});

test('a budget of a user, a tag or a model is of no other request of the same key', () => {
  const of = askerOf(
    { name: 'all' },
    { name: 'ann', applies_to: { user: 'ann' } },
    { name: 'blue', applies_to: { tag: 'blue' } },
    { name: 'large', applies_to: { model: 'large-*' } },
  );
  const names = (selected = anybody) => of(today, selected).map((each) => each.split(' ')[0]);
  assert.deepEqual(names(), ['all']);
  assert.deepEqual(names({ user: 'ann', tags: [], model: 'm' }), ['all', 'ann']);
  assert.deepEqual(names({ user: null, tags: ['blue'], model: 'm' }), ['all', 'blue']);
  assert.deepEqual(names({ user: null, tags: [], model: 'large-1' }), ['all', 'large']);
  assert.deepEqual(names(), ['all']);
});
