/** One daemon's report on a limit of the whole fleet, and its wish for more of it. */
export interface Wanted {
  /** Names the limit. */
  name: string;
  /** Tokens per second; 0: slots, which become free only by return. */
  rate: number;
  /** Tokens at once, or slots. */
  burst: number;
  /** Tokens or slots that it holds now, lent to workers or not; any missing ones were used. */
  held: number;
  /** Returned unused since the last call. */
  returned: number;
  /** Tokens used beyond those held since the last call; negative: fewer. */
  owed: number;
  want: number;
  /** Fewer are of no use. */
  least: number;
  /** The level known to the caller; null: unknown. */
  level: number | null;
  /** True if it kept this limit alone until now: then at most `level` is left. */
  isFirst: boolean;
}

export interface Grant {
  name: string;
  granted: number;
  /** Left for all; negative where tokens are owed. */
  left: number;
}

/** The store's answer. */
export interface Taken {
  grants: readonly Grant[];
  /** Daemons that lease from it. */
  size: number;
  /** The caller's place among them, from 1. */
  rank: number;
}

/**
 * A daemon silent for this long is cut off: it keeps to its share, which the others reserve for it.
 */
export const lostAfterMs = 2_000;

/** Time for which a daemon asks the store to reserve its share once it is silent. */
export const reserveMs = {
  /** It hears the others: where none of them confirms its share, it uses none. */
  heard: 2 * lostAfterMs,
  /** It does not, and uses its share in any case. */
  alone: 60_000,
} as const;

/** A daemon may rely on its share for this long after another one saw it: less than it is reserved. */
export const confirmedMs = reserveMs.heard - lostAfterMs / 2;

/** Another daemon that is known to live. */
export interface Living {
  id: string;
  /** Time since it was seen. */
  ageMs: number;
}

/**
 * The store of limits shared by all daemons. The share of one that is cut off is reserved for as long as it
 * asked for, counted from when it was last seen by the store or by another daemon; then it counts as dead,
 * and so does one known to have ended, at once. Tokens held by a dead daemon count as used; its slots are
 * free again. If less than half of the daemons reach the store, shares are reserved for a minute: the
 * others may keep to their shares together. After an outage for all, each has time to come back.
 */
export interface LeaseStore {
  /**
   * Settles and leases, all in one round trip; also serves as a heartbeat.
   * @param dead daemons known to have ended.
   * @throws Error while the store is away.
   */
  take(wanted: readonly Wanted[], dead: readonly string[]): Promise<Taken>;
  /**
   * Asks for a reservation of the caller's own share, and confirms that other daemons live.
   * @param ownMs see `reserveMs`; it holds from now on.
   * @returns ids of those among `living` that the store has not heard, whose shares are now reserved.
   * @throws Error while the store is away.
   */
  keepShares(ownMs: number, living: readonly Living[]): Promise<readonly string[]>;
  /**
   * Leaves the store: other daemons need no longer reserve a share for this one.
   * @throws Error while the store is away.
   */
  leave(): Promise<void>;
  close(): Promise<void>;
}
