import type { Grant, Wanted } from '../../../limits/budget-store.js';
import type { Sql } from '../../client.js';

/**
 * Settles spend of budgets and renews this daemon's leases, in one statement.
 * @param gone daemons that are known to have ended, whose leases end now.
 * @param ttlMs time after which leases of a silent daemon expire.
 */
export async function syncBudgets(
  sql: Sql,
  daemon: string,
  gone: readonly string[],
  ttlMs: number,
  wanted: readonly Wanted[],
): Promise<Grant[]> {
  const entries = wanted.map(({ key, windowStart, uids, ...amounts }) => ({
    ...amounts,
    budget: key,
    window_start: new Date(windowStart).toISOString(),
    uid: uids[0],
    uid2: uids[1],
  }));
  const rows = await sql<(Omit<Grant, 'key' | 'windowStart'> & Named)[]>`
    SELECT budget, window_start, spent, held, charged, alerted FROM llmproxy_sync_budgets(
      ${daemon}, ARRAY(SELECT jsonb_array_elements_text(${JSON.stringify(gone)}::text::jsonb)), ${ttlMs} * interval '1 ms',
      ${JSON.stringify(entries)}::text::jsonb)`;
  return rows.map(({ budget, window_start, spent, held, charged, alerted }) => ({
    key: budget,
    windowStart: window_start.getTime(),
    spent: Number(spent),
    held: Number(held),
    charged: Number(charged),
    alerted,
  }));
}

interface Named {
  budget: string;
  window_start: Date;
}

/** Names of the daemons that hold leases of a budget. */
export async function budgetHolders(sql: Sql): Promise<string[]> {
  const rows = await sql<{ daemon: string }[]>`SELECT DISTINCT daemon FROM budget_leases`;
  return rows.map(({ daemon }) => daemon);
}

/** Returns true for the first alert at this percentage of a budget's window, over all daemons. */
export async function alertBudget(
  sql: Sql,
  budget: string,
  windowStart: number,
  percent: number,
): Promise<boolean> {
  const [row] = await sql<[{ isFirst: boolean }]>`
    SELECT llmproxy_alert_budget(${budget}, ${new Date(windowStart)}, ${percent}) AS "isFirst"`;
  return row.isFirst;
}

/** Spend of a budget in one of its windows. */
export interface BudgetTotal {
  budget: string;
  window_start: Date;
  spent_nano: number;
  requests: number;
}

export async function budgetTotals(sql: Sql): Promise<BudgetTotal[]> {
  const rows = await sql<BudgetTotal[]>`
    SELECT budget, window_start, spent_nano, requests FROM budget_totals
    WHERE window_start > now() - interval '32 days' OR window_start = to_timestamp(0)`;
  return [...rows];
}
