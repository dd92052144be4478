/**
 * The messages by which a limit holds over all workers. The control process owns the buckets and
 * lends tokens; a worker admits a request only with a token that it was lent. What is lent counts
 * as used until the worker says otherwise, so a lost worker or message makes a limit stricter,
 * never looser.
 */
export interface LeaseRequest {
  /** Names the bucket. */
  key: string;
  /** Tokens a second. */
  rate: number;
  /** The most at once; absent: as many as `rate`. */
  burst?: number;
  /** Lent tokens used since the last message. */
  used: number;
  /** Lent tokens returned unused. */
  returned: number;
  /** Tokens wanted; 0 only settles. */
  want: number;
  /** The least that is of use; absent: 1. */
  least?: number;
  /** Tokens used without a lease while the owner did not answer. */
  alone?: number;
  /** Tokens used beyond those taken, once the true number is known; below 0: fewer. */
  owed?: number;
}

/** The owner's answer to a request with `want` above 0. */
export interface LeaseGrant {
  key: string;
  /** Tokens lent; 0 is a refusal. */
  tokens: number;
  /** After a refusal: milliseconds until a token may be available. */
  waitMs: number;
  /** Milliseconds until the bucket is full. */
  resetMs: number;
  /** Tokens that are still in the bucket. */
  left: number;
}

/**
 * A worker's share of `whole` tokens or slots while it works without the owner. The shares of all
 * `count` workers are whole numbers and add up to exactly `whole`.
 * @param slot the worker's number among them, from 1.
 */
export function shareOf(whole: number, slot: number, count: number): number {
  if (slot > count) return 0;
  return Math.floor(whole / count) + (slot <= whole % count ? 1 : 0);
}

/**
 * The share of one of `count` workers in a limit: together they make the limit. Where
 * the burst has fewer tokens than there are workers, the others have no part in the rate either.
 */
export function limitShare(rate: number, burst: number, slot: number, count: number) {
  const sharing = Math.min(count, burst);
  const own = shareOf(burst, slot, sharing);
  // A rate of a minute or a day is no whole number a second.
  const isWhole = Number.isInteger(rate);
  return { rate: isWhole ? shareOf(rate, slot, sharing) : (rate * own) / burst, burst: own };
}

/**
 * Like `limitShare`, for a worker of one of `size` daemons. Other daemons leave one share in `size` to
 * each, whole or not; a bucket that holds less than one token would never admit.
 */
export function fleetShare(rate: number, burst: number, slot: number, count: number, size: number) {
  if (size === 1) return limitShare(rate, burst, slot, count);
  const parts = size * count;
  return { rate: rate / parts, burst: Math.max(1, burst / parts) };
}

/** Lent tokens that stay unused this long are returned. */
export const leaseIdleMs = 100;
