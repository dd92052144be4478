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
 * The store's last answer, as the daemon knows it. The store counts it as seen at that time, and not when it
 * read a later question: its answer may be lost, and then the daemon takes its share by itself.
 */
export interface LastAnswer {
  /** When the daemon counts as seen: seconds of the store's clock. */
  at: number;
  /** The daemons of that answer. */
  size: number;
}

/**
 * A daemon last seen this long ago is cut off: it keeps to its share, which the others reserve for it. The
 * stores have the same number.
 */
export const lostAfterMs = 2_000;
/** Daemons report that they were seen this much earlier, to have their share reserved well within a lease. */
export const seenEarlierMs = 500;
/** Clocks and timers of the store and of daemons differ by less. */
const marginMs = 200;
/**
 * A daemon takes its share by itself this long after the store's last answer: the others must have reserved
 * it by then.
 */
export const aloneAfterMs = lostAfterMs - seenEarlierMs + marginMs;
/** The same after the first answer, which the store counts from the time at which it gave it. */
export const aloneAfterFirstMs = lostAfterMs + marginMs;

/**
 * The store of limits shared by all daemons. A daemon that is cut off keeps its share for a minute, or for
 * as long as others say that it lives; then it counts as dead, and so does one known to have ended, at
 * once. Tokens held by a dead daemon count as used; its slots are free again. A store that has lost its data
 * reserves the shares of all daemons that the first caller knew, until they are back.
 */
export interface LeaseStore {
  /**
   * Settles and leases, all in one round trip; also serves as a heartbeat.
   * @param dead daemons known to have ended.
   * @throws Error while the store is away.
   */
  take(wanted: readonly Wanted[], dead: readonly string[]): Promise<Taken>;
  /**
   * Reserves the share of each of these daemons that is cut off for another minute.
   * @throws Error while the store is away.
   */
  keepShares(daemons: readonly string[]): Promise<void>;
  /**
   * Leaves the store: other daemons need no longer reserve a share for this one.
   * @throws Error while the store is away.
   */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** Remembers the store's last answer for its next question. */
export function confirming(
  take: (
    wanted: readonly Wanted[],
    dead: readonly string[],
    last: LastAnswer | null,
  ) => Promise<Taken & { at: number }>,
): LeaseStore['take'] {
  let last: LastAnswer | null = null;
  return async (wanted, dead) => {
    const { at, ...taken } = await take(wanted, dead, last);
    last = { at: at - seenEarlierMs / 1_000, size: taken.size };
    return taken;
  };
}
