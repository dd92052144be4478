/** One daemon's settlement of a shared amount, and its wish for more of it. */
export interface Wanted {
  /** Names the amount, such as a budget. */
  key: string;
  /** Wall clock, milliseconds: the beginning of the time that the amount is for. */
  windowStart: number;
  amount: number;
  /** Used up since the last call, by how many requests. */
  spent: number;
  requests: number;
  /** Lent to a process that died, which may have used it. */
  unsettled: number;
  /** Lent to workers now: it is charged where this daemon dies. */
  lent: number;
  /** The most that this daemon wants to hold; 0 gives back all that is not lent. */
  want: number;
  /** Make a call that is repeated harmless. */
  uids: readonly [spent: string, unsettled: string];
}

/** A daemon's holding of an amount from now on. */
export interface Grant {
  key: string;
  windowStart: number;
  held: number;
  /** Used up in all, by all daemons. */
  spent: number;
  /** Charged now for daemons that died. */
  charged: number;
  /** The highest percent that was told already. */
  alerted: number;
}

/**
 * The ledger of budgets, from which daemons lease amounts that must hold over all of them. Leases of
 * a daemon that does not call any more expire, and what it had lent is charged.
 */
export interface BudgetStore {
  /** Settles and leases, all in one round trip. @throws Error while the store is away. */
  take(wanted: readonly Wanted[]): Promise<readonly Grant[]>;
  /** Settles, and gives back what is not lent. @throws Error while the store is away. */
  give(back: readonly Wanted[]): Promise<void>;
}
