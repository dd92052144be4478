import { budgetHolders, syncBudgets } from '../db/queries/fleet/sync-budgets.js';
import { withDeadline } from '../db/with-deadline.js';
import type { BudgetStore } from '../limits/budget-store.js';
import type { Identity } from './fleet/identity.js';
import type { Store } from './store.js';

/** Leases of a daemon that is silent for this long expire. */
export const leaseMs = 60_000;
const storeTimeoutMs = 5_000;

export interface PostgresBudgetOptions {
  store: Store;
  /** True if the previous daemon of this data directory has ended. */
  isAlone: boolean;
  /** This daemon among those of the database. */
  identity: Identity;
  /** Ids of daemons that are known to have ended. */
  dead: () => readonly string[];
}

/** Leases in Postgres: nothing to install, and all daemons of a database share it. */
export function postgresBudgets({
  store,
  isAlone,
  identity,
  dead,
}: PostgresBudgetOptions): BudgetStore {
  const prefix = `${identity.place}:`;
  const daemon = prefix + identity.id;
  // No other daemon runs on this data directory: leases of an earlier one end now.
  const isGone = (name: string, ids: readonly string[]) =>
    name !== daemon &&
    ((isAlone && name.startsWith(prefix)) || ids.some((id) => name.endsWith(`:${id}`)));
  let known = '';
  let gone: string[] | null = null;
  const sync: BudgetStore['take'] = (wanted) =>
    withDeadline(store.sql, storeTimeoutMs, 'Settling budgets', async (sql) => {
      const ids = dead();
      if (gone === null || ids.join() !== known) {
        const holders = await budgetHolders(sql);
        gone = holders.filter((name) => isGone(name, ids));
        known = ids.join();
      }
      return await syncBudgets(sql, daemon, gone, leaseMs, wanted);
    });
  return {
    take: sync,
    give: async (back) => void (await sync(back)),
  };
}
