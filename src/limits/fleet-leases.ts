import type { LeaseGrant, LeaseRequest } from './lease.js';
import type { Levels, LevelsAt } from './lease-owner.js';
import type { Grant, Wanted } from './lease-store.js';
import { TokenBucket } from './token-bucket.js';

/**
 * Time for which requests are refused after the store had nothing left, before it is asked again.
 */
const emptyMs = 50;
/** Longest wait; a worker that waits longer assumes that the owner is gone. */
const waitMs = 600;
/** Use is reported within this time, even if nothing is wanted. */
const reportMs = 500;
const forgetAfterMs = 60_000;
/** Maximum tokens leased in advance: the refill of this time, or this share of the burst. */
const maxAheadSeconds = 0.2;
const maxAheadShare = 0.01;
/** Wait told to clients while nothing can be leased. */
const awayWaitMs = 1_000;

interface Waiting {
  worker: number;
  request: LeaseRequest;
  sinceMs: number;
}

interface State {
  rate: number;
  burst: number;
  /** Tokens leased but lent to no worker. */
  tokens: number;
  /** Minimum of them since the last report: that many were not needed. */
  spare: number;
  lent: Map<number, number>;
  lentInAll: number;
  /** Lent since the last report, as an estimate of the need until the next. */
  recent: number;
  owed: number;
  waiting: Waiting[];
  /** The store's rest at its last answer; null before the first. */
  left: number | null;
  leftMs: number;
  /** Nothing is left until then. */
  emptyUntilMs: number;
  /** Level while this daemon kept the limit alone. */
  level: number | null;
  isFirst: boolean;
  /** True if the store may have lost its data: then at most the known level is left. */
  isDoubtful: boolean;
  reportedMs: number;
  reportedHeld: number;
  usedMs: number;
}

/** A daemon's part of every limit while the store is away. */
export interface FleetShare {
  /** Daemons, as last known. */
  size: number;
  /** This one's place among them, from 1. */
  rank: number;
}

/**
 * The control process's side of the leases in a fleet: leases tokens from the store for its
 * workers, and lends them like `LeaseOwner`. Requests without a token wait for the store's next
 * answer.
 *
 * While the store is away, leased tokens are used up; then the daemon refills its own share, from
 * buckets that start empty.
 */
export class FleetLeases {
  readonly #states = new Map<string, State>();
  readonly #gone = new Set<number>();
  readonly #known: readonly LevelsAt[];
  readonly #send: (worker: number, grant: LeaseGrant) => void;
  readonly #ask: () => void;
  #alone: { share: FleetShare; sinceMs: number; buckets: Map<string, TokenBucket> } | null = null;

  /**
   * @param known levels of limits that were not full; the first that has one counts.
   * @param send answers a worker whose request has waited.
   * @param ask has the store asked soon.
   */
  constructor(
    known: readonly LevelsAt[],
    send: (worker: number, grant: LeaseGrant) => void,
    ask: () => void,
  ) {
    this.#known = known;
    this.#send = send;
    this.#ask = ask;
  }

  /** Like `LeaseOwner.handle`. @returns null while the answer waits for the store. */
  handle(worker: number, request: LeaseRequest, nowMs: number): LeaseGrant | null {
    const state = this.#state(request, nowMs);
    const before = state.lent.get(worker) ?? 0;
    const used = Math.min(request.used, before);
    const returned = Math.min(request.returned, before - used);
    this.#lend(state, worker, -used - returned);
    state.tokens += returned;
    // The store has reserved the share from which a worker took these alone.
    this.#owe(request.key, state, request.owed ?? 0, nowMs);
    if (request.want <= 0 || this.#gone.has(worker))
      return grantOf(request.key, state, 0, 1, nowMs);
    const waiting = { worker, request, sinceMs: nowMs };
    const least = request.least ?? 1;
    if (state.tokens < least && this.#alone) this.#refillAlone(request.key, state, least, nowMs);
    if (state.waiting.length === 0) {
      const granted = this.#grant(state, waiting, nowMs);
      if (granted || nowMs < state.emptyUntilMs || this.#alone) {
        return granted ?? grantOf(request.key, state, 0, least, nowMs);
      }
    }
    state.waiting.push(waiting);
    this.#ask();
    return null;
  }

  /** Counts its lent tokens as used. Worker numbers are never reused. */
  workerGone(worker: number): void {
    this.#gone.add(worker);
    for (const state of this.#states.values()) {
      this.#lend(state, worker, -(state.lent.get(worker) ?? 0));
      state.waiting = state.waiting.filter((each) => each.worker !== worker);
    }
  }

  /**
   * Collects reports and wishes for the store.
   * @param all even if nothing has changed.
   */
  collect(nowMs: number, all = false): Wanted[] {
    const wanted: Wanted[] = [];
    for (const [name, state] of this.#states) {
      const { waiting, owed, rate, burst } = state;
      const isWanted = waiting.length > 0 || state.isFirst || state.recent > 0 || state.spare > 0;
      const isLate = nowMs - state.reportedMs >= reportMs && heldBy(state) !== state.reportedHeld;
      if (!(all || isWanted || owed !== 0 || isLate)) continue;
      const returned = waiting.length > 0 ? 0 : state.spare;
      state.tokens -= returned;
      const least = Math.min(...waiting.map(({ request }) => request.least ?? 1));
      const asked = waiting.reduce((sum, { request }) => sum + request.want, 0);
      // Holding more would keep it from other daemons.
      const most = Math.max(1, rate * maxAheadSeconds, burst * maxAheadShare);
      const more = Math.min(state.recent, most) - state.tokens;
      const want = Math.min(burst, Math.max(0, Math.ceil(asked + more)));
      wanted.push({
        ...{ name, rate, burst, returned, owed, want },
        held: heldBy(state),
        least: waiting.length > 0 ? Math.max(1, least - state.tokens) : 1,
        level: state.left === null ? state.level : storedOf(state, nowMs),
        isFirst: state.isFirst || state.isDoubtful,
      });
      state.owed = 0;
      state.recent = 0;
      state.spare = state.tokens;
      state.reportedMs = nowMs;
      state.reportedHeld = heldBy(state);
    }
    return wanted;
  }

  /** Handles the store's answer to the collected requests. */
  granted(wanted: readonly Wanted[], grants: readonly Grant[], nowMs: number): void {
    for (const [place, { granted, left }] of grants.entries()) {
      const { name, want } = wanted[place] as Wanted;
      const state = this.#states.get(name);
      if (!state) continue;
      state.tokens += granted;
      state.reportedHeld += granted;
      state.left = left;
      state.leftMs = nowMs;
      state.isFirst = false;
      state.isDoubtful = false;
      const isEmpty = granted < want;
      if (isEmpty) state.emptyUntilMs = nowMs + emptyMs;
      // Requests that came since the store was asked wait for its next answer.
      this.#serve(name, state, nowMs, () => isEmpty);
    }
  }

  /** Handles a batch of unknown fate: nothing is returned twice. */
  failed(wanted: readonly Wanted[]): void {
    for (const { name, owed } of wanted) {
      const state = this.#states.get(name);
      if (state) state.owed += Math.max(0, owed);
    }
    for (const state of this.#states.values()) state.isDoubtful = state.left !== null;
  }

  /** Refuses requests that have waited too long for the store. */
  refuseLate(nowMs: number): void {
    for (const [name, state] of this.#states) {
      if (state.waiting.length === 0) continue;
      this.#serve(name, state, nowMs, ({ sinceMs }) => nowMs - sinceMs >= waitMs);
    }
  }

  /**
   * Keeps to this daemon's share while the store is away; null: the store is back.
   * @param sinceMs the share refills from then on.
   */
  keepTo(share: FleetShare | null, sinceMs: number): void {
    if (!share) {
      this.#rejoin(sinceMs);
      return;
    }
    this.#alone = { share, sinceMs, buckets: new Map() };
    for (const [name, state] of this.#states) this.#serve(name, state, sinceMs, () => true);
  }

  /** Tokens refilled meanwhile are used up: they are in no level, and debts remain. */
  #rejoin(nowMs: number): void {
    const { sinceMs, buckets } = this.#alone ?? { sinceMs: nowMs, buckets: new Map() };
    this.#alone = null;
    for (const [name, state] of this.#states) {
      state.leftMs = Math.min(nowMs, state.leftMs + nowMs - sinceMs);
      state.owed += Math.max(0, -(buckets.get(name)?.left(nowMs) ?? 0));
    }
  }

  /** Tokens left by bucket, as far as known. */
  levels(nowMs: number): Levels {
    return Object.fromEntries(
      [...this.#states].map(([name, state]) => [name, levelOf(state, nowMs)]),
    );
  }

  sweep(nowMs: number): void {
    for (const [name, state] of this.#states) {
      if (nowMs - state.usedMs > forgetAfterMs && heldBy(state) === 0) this.#states.delete(name);
    }
  }

  /** @param isOver true for requests that do not wait any longer. */
  #serve(name: string, state: State, nowMs: number, isOver: (each: Waiting) => boolean): void {
    for (const each of state.waiting.splice(0)) {
      const least = each.request.least ?? 1;
      if (this.#alone && state.tokens < least) this.#refillAlone(name, state, least, nowMs);
      const grant = this.#grant(state, each, nowMs);
      if (grant) this.#send(each.worker, grant);
      else if (isOver(each)) this.#send(each.worker, grantOf(name, state, 0, least, nowMs));
      else state.waiting.push(each);
    }
  }

  #grant(state: State, { worker, request }: Waiting, nowMs: number): LeaseGrant | null {
    const { key, want, least = 1 } = request;
    if (state.tokens < least) return null;
    const tokens = Math.min(want, state.tokens);
    state.tokens -= tokens;
    state.spare = Math.min(state.spare, state.tokens);
    state.recent += tokens;
    this.#lend(state, worker, tokens);
    return grantOf(key, state, tokens, least, nowMs);
  }

  #lend(state: State, worker: number, count: number): void {
    if (count === 0) return;
    const lent = (state.lent.get(worker) ?? 0) + count;
    state.lentInAll += count;
    if (lent > 0) state.lent.set(worker, lent);
    else state.lent.delete(worker);
  }

  #owe(name: string, state: State, count: number, nowMs: number): void {
    if (count === 0) return;
    const bucket = this.#alone?.buckets.get(name);
    if (bucket) bucket.charge(count, nowMs);
    else state.owed += count;
  }

  /** Refills this daemon's own share in place of the store's grants. */
  #refillAlone(name: string, state: State, least: number, nowMs: number): void {
    if (!this.#alone) return;
    const { share, sinceMs, buckets } = this.#alone;
    let bucket = buckets.get(name);
    if (!bucket) {
      const burst = Math.max(1, state.burst / share.size);
      bucket = new TokenBucket(state.rate / share.size, sinceMs, burst, 0);
      buckets.set(name, bucket);
    }
    const got = bucket.lend(Math.max(least, 1) - state.tokens, nowMs);
    bucket.settle(got, 0, nowMs);
    state.tokens += got;
  }

  #state({ key, rate, burst = rate }: LeaseRequest, nowMs: number): State {
    let state = this.#states.get(key);
    if (!state) {
      const level = this.#levelAt(key, rate, burst, nowMs);
      state = {
        ...{ rate, burst, level, isFirst: level !== null },
        ...{ tokens: 0, spare: 0, lent: new Map(), lentInAll: 0, recent: 0, owed: 0, waiting: [] },
        ...{ left: null, leftMs: nowMs, emptyUntilMs: 0, reportedMs: nowMs, reportedHeld: 0 },
        isDoubtful: false,
        usedMs: nowMs,
      };
      this.#states.set(key, state);
    }
    state.rate = rate;
    state.burst = burst;
    state.usedMs = nowMs;
    return state;
  }

  #levelAt(key: string, rate: number, burst: number, nowMs: number): number | null {
    const known = this.#known.find(({ levels }) => Object.hasOwn(levels, key));
    if (!known) return null;
    return Math.min(burst, (known.levels[key] ?? 0) + ((nowMs - known.atMs) / 1000) * rate);
  }
}

function heldBy({ tokens, lentInAll }: State): number {
  return tokens + lentInAll;
}

/** Rest of a limit for all daemons, including this one's holdings. */
function levelOf(state: State, nowMs: number): number {
  return Math.min(state.burst, storedOf(state, nowMs) + state.tokens - state.owed);
}

/** Rest of a limit in the store, including refills since its last answer. */
function storedOf({ left, leftMs, level, rate, burst }: State, nowMs: number): number {
  const known = left ?? level ?? burst;
  return Math.min(burst, known + ((nowMs - leftMs) / 1000) * rate);
}

function grantOf(
  key: string,
  state: State,
  tokens: number,
  least: number,
  nowMs: number,
): LeaseGrant {
  const left = Math.floor(levelOf(state, nowMs));
  const missing = Math.max(0, least - Math.max(0, left));
  const isUnknown = state.left === null;
  return {
    key,
    tokens,
    waitMs:
      tokens > 0 ? 0 : isUnknown ? awayWaitMs : Math.max(emptyMs, (missing / state.rate) * 1000),
    resetMs: Math.max(0, ((state.burst - left) / state.rate) * 1000),
    left,
  };
}
