/** One daemon's report on a limit of the whole fleet, and its wish for more of it. */
export interface Wanted {
  /** Names the limit. */
  name: string;
  /** Tokens a second; 0: slots, which come back only by return. */
  rate: number;
  /** Tokens at once, or slots. */
  burst: number;
  /** Tokens or slots that it holds now, lent to workers or not: what is missing was used. */
  held: number;
  /** Given back unused since the last call. */
  returned: number;
  /** Tokens used beyond those held since the last call; below 0: fewer. */
  owed: number;
  want: number;
  /** Fewer are of no use. */
  least: number;
  /** The rest that it knows of; null: unknown. */
  level: number | null;
  /** True where it kept this limit by itself until now: no more than `level` is left. */
  isFirst: boolean;
}

export interface Grant {
  name: string;
  granted: number;
  /** Left for all; below 0 where some are owed. */
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

/** A daemon that has not called for so long is cut off: it keeps to its share, which others leave to it. */
export const lostAfterMs = 2_000;

/**
 * The store of limits that hold over all daemons. One that is cut off has its share
 * for a minute; then it counts as dead, as it does at once where that is known. What a dead one
 * held is used, but slots are free again.
 */
export interface LeaseStore {
  /**
   * Settles and leases, all in one round trip; also shows that this daemon lives.
   * @param dead daemons that are known to have ended.
   * @throws Error while the store is away.
   */
  take(wanted: readonly Wanted[], dead: readonly string[]): Promise<Taken>;
  /** Leaves: other daemons need leave nothing to this one. @throws Error while the store is away. */
  leave(): Promise<void>;
  close(): Promise<void>;
}
