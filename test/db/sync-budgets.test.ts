import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { alertBudget, syncBudgets } from '../../src/db/queries/fleet/sync-budgets.js';
import type { Wanted } from '../../src/limits/budget-store.js';
import { testDatabase } from '../support/postgres.js';

const nothing = { spent: 0, requests: 0, unsettled: 0, lent: 0 };
const wanted = (fields: Partial<Wanted> = {}): Wanted => ({
  ...{ key: '1', windowStart: 0, amount: 100, want: 100, ...nothing },
  uids: [randomUUID(), randomUUID()],
  ...fields,
});

test('daemons lease the rest of a budget, and their spend is in the ledger once', async (t) => {
  const { sql } = await testDatabase(t);
  const sync = async (daemon: string, fields: Partial<Wanted>, gone: string[] = []) =>
    (await syncBudgets(sql, daemon, gone, 60_000, [wanted(fields)]))[0];
  const first = await sync('a', { want: 60 });
  assert.deepEqual(first, { key: '1', windowStart: 0, held: 60, spent: 0, charged: 0, alerted: 0 });
  assert.equal((await sync('b', {}))?.held, 40, 'what the other does not hold');
  const uids = [randomUUID(), randomUUID()] as const;
  for (let times = 0; times < 2; times++) {
    const grant = await sync('a', { want: 60, spent: 25, requests: 2, lent: 10, uids });
    assert.deepEqual([grant?.spent, grant?.held], [25, 35], 'twice is harmless');
  }
  const gone = await sync('b', {}, ['a']);
  assert.deepEqual([gone?.charged, gone?.spent, gone?.held], [10, 35, 65]);
  assert.equal((await sync('b', { amount: 50, lent: 20 }))?.held, 20, 'what is lent stays');
  assert.equal((await sync('b', { amount: 50, want: 0, unsettled: 5 }))?.held, 0);
  const ledger =
    await sql`SELECT amount_nano, requests, kind, daemon FROM budget_ledger ORDER BY id`;
  assert.deepEqual(
    ledger.map((row) => [Number(row.amount_nano), row.requests, row.kind, row.daemon]),
    [
      [25, 2, 'spent', 'a'],
      [10, 0, 'unsettled', 'a'],
      [5, 0, 'unsettled', 'b'],
    ],
  );
  assert.equal((await sql`SELECT FROM budget_leases`).length, 0);
  await assert.rejects(sql`DELETE FROM budget_ledger`, /only grows/);
  await assert.rejects(sql`UPDATE budget_ledger SET amount_nano = 0`, /only grows/);
});

test('many daemons at once never hold more than the amount', async (t) => {
  const { sql } = await testDatabase(t);
  const grants = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      syncBudgets(sql, `d${index}`, [], 60_000, [wanted({ want: 7 })]),
    ),
  );
  const held = grants.flat().map((grant) => grant.held);
  assert.equal(
    held.reduce((sum, each) => sum + each, 0),
    100,
  );
});

test('expired leases are charged with the lent amount, and each alert is sent once', async (t) => {
  const { sql } = await testDatabase(t);
  await syncBudgets(sql, 'a', [], -1_000, [wanted({ lent: 30 })]);
  const [grant] = await syncBudgets(sql, 'b', [], 60_000, [wanted()]);
  assert.deepEqual([grant?.charged, grant?.spent, grant?.held], [30, 30, 70]);
  assert.equal(await alertBudget(sql, '1', 0, 50), true);
  assert.equal(await alertBudget(sql, '1', 0, 50), false);
  assert.equal(await alertBudget(sql, '1', 0, 80), true);
});
