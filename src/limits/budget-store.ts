/** One daemon's settlement of a shared amount, and its wish for more of it. */
export interface Wanted {
  /** Names the amount, such as a budget. */
  key: string;
  /** Wall clock, milliseconds: the beginning of the time that the amount is for. */
  windowStart: number;
  amount: number;
  /** Amount used since the last call; `requests` is their number. */
  spent: number;
  requests: number;
  /** Lent to a process that died, and possibly used. */
  unsettled: number;
  /** Lent to workers now: charged if this daemon dies. */
  lent: number;
  /** Maximum that this daemon wants to hold; 0 returns all that is not lent. */
  want: number;
  /** Identify the amounts, so that a repeated call is harmless. */
  uids: readonly [spent: string, unsettled: string];
}

/** A daemon's holding of an amount from now on. */
export interface Grant {
  key: string;
  windowStart: number;
  held: number;
  /** Total used by all daemons. */
  spent: number;
  /** Charged now for daemons that died. */
  charged: number;
  /** The highest percentage already alerted. */
  alerted: number;
}

/**
 * The ledger of budgets, from which daemons lease amounts that must hold over all of them. Leases
 * of a daemon that stops calling expire, and what it had lent is charged.
 */
export interface BudgetStore {
  /** Settles and leases, all in one round trip. @throws Error while the store is away. */
  take(wanted: readonly Wanted[]): Promise<readonly Grant[]>;
  /** Settles, and returns the part that is not lent. @throws Error while the store is away. */
  give(back: readonly Wanted[]): Promise<void>;
}
