import { aloneAfterMs } from './lease-store.js';

/**
 * The messages that make a limit hold over all workers. The control process owns the buckets and
 * lends tokens; a worker admits a request only with a lent token. Lent tokens count as used until
 * the worker reports otherwise, so a lost worker or message makes a limit stricter, never looser.
 */
export interface LeaseRequest {
  /** Names the bucket. */
  key: string;
  /** Tokens a second. */
  rate: number;
  /** Maximum burst; absent: `rate`. */
  burst?: number;
  /** Lent tokens used since the last message. */
  used: number;
  /** Lent tokens returned unused. */
  returned: number;
  /** Tokens wanted; 0 only settles. */
  want: number;
  /** Minimum that is useful; absent: 1. */
  least?: number;
  /** Tokens used without a lease while the owner did not answer. */
  alone?: number;
  /** Tokens used beyond those taken, once the actual number is known; negative: fewer. */
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

/** One worker's part of a limit. */
export interface WorkerShare {
  /** Tokens a second. */
  rate: number;
  burst: number;
  /** Milliseconds without the owner until it may begin to refill; absent: 0. */
  afterMs?: number;
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
 * The share of one of `count` workers in a limit; all shares add up to the limit. If the burst has
 * fewer tokens than there are workers, the others get no part of the rate either.
 */
export function limitShare(rate: number, burst: number, slot: number, count: number): WorkerShare {
  const sharing = Math.min(count, burst);
  const own = shareOf(burst, slot, sharing);
  // A rate per minute or day is not a whole number per second.
  const isWhole = Number.isInteger(rate);
  return { rate: isWhole ? shareOf(rate, slot, sharing) : (rate * own) / burst, burst: own };
}

/**
 * Like `limitShare`, for a worker of one of `size` daemons. Each daemon gets exactly one in `size`,
 * whole or not; a bucket of less than one token would never admit. The store reserves the share only once
 * it takes the daemon for lost.
 */
export function fleetShare(
  rate: number,
  burst: number,
  slot: number,
  count: number,
  size: number,
): WorkerShare {
  if (size === 1) return limitShare(rate, burst, slot, count);
  const parts = size * count;
  return { rate: rate / parts, burst: Math.max(1, burst / parts), afterMs: aloneAfterMs };
}

/**
 * Slots that a worker of one of several daemons may use by itself.
 * @param aloneMs time since the control process has not answered.
 */
export function fleetSlots(
  capacity: number,
  aloneMs: number,
  slot: number,
  count: number,
  { rank, size }: { rank: number; size: number },
): number {
  if (size > 1 && aloneMs < aloneAfterMs) return 0;
  return shareOf(shareOf(capacity, rank, size), slot, count);
}

/** Lent tokens that stay unused this long are returned. */
export const leaseIdleMs = 100;
