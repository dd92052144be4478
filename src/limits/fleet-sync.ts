import type { FleetShare } from './fleet-leases.js';
import { type Grant, type LeaseStore, lostAfterMs, type Wanted } from './lease-store.js';

/** Settled with the store so often while something changes. */
const syncMs = 100;
/** So often where nothing does: other daemons would take this one for cut off. */
const showMs = 500;
const retryMs = 250;
/** Requests that come together are asked for together. */
const gatherMs = 2;
/** The others must leave its share to this daemon before it takes it. */
const aloneAfterMs = lostAfterMs + 200;

/** One kind of limits that are leased. */
export interface LeasedLimits {
  collect(nowMs: number, all: boolean): Wanted[];
  granted(wanted: readonly Wanted[], grants: readonly Grant[], nowMs: number): void;
  failed(wanted: readonly Wanted[]): void;
  refuseLate(nowMs: number): void;
  keepTo(share: FleetShare | null, nowMs: number): void;
}

interface SyncOptions {
  store: LeaseStore;
  /** By the prefix of their names in the store. */
  limits: Readonly<Record<string, LeasedLimits>>;
  /** Daemons that are known to have ended. */
  dead: () => readonly string[];
  /** The store does not answer, or answers again: null. */
  onStore: (reason: string | null) => void;
  /** The share that this daemon has while it is cut off. */
  onShare: (share: FleetShare) => void;
}

/**
 * Settles the limits of a daemon with the store, one batch at a time.
 *
 * States: leasing → cut off, once others leave its share to it → leasing.
 */
export class FleetSync {
  readonly #options: SyncOptions;
  readonly #timer: NodeJS.Timeout;
  #share: FleetShare;
  #isAlone = false;
  #failure: string | null = null;
  #running: Promise<void> | null = null;
  #isAsked = false;
  #isClosed = false;
  /** Sending time of the last batch that was answered. */
  #takenMs = performance.now();
  #triedMs = 0;

  /** @param share as far as it is known before the store has answered. */
  constructor(options: SyncOptions, share: FleetShare) {
    this.#options = options;
    this.#share = share;
    this.#timer = setInterval(() => this.#tick(), syncMs);
    this.#timer.unref();
    this.#run(true);
  }

  /** A request waits for the store. */
  ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    if (!this.#running) setTimeout(() => this.#run(false), gatherMs);
  }

  /** Settles what is left and leaves the store. Never throws. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#isClosed = true;
    await this.#running;
    const { store } = this.#options;
    await store
      .take(
        this.#collect(true).flatMap(({ wanted }) => wanted),
        [],
      )
      .catch(() => {});
    await store.leave().catch(() => {});
    await store.close().catch(() => {});
  }

  #tick(): void {
    const nowMs = performance.now();
    if (!this.#isAlone && nowMs - this.#takenMs >= aloneAfterMs) this.#keepTo(this.#share);
    for (const limits of Object.values(this.#options.limits)) limits.refuseLate(nowMs);
    this.#run(false);
  }

  #run(all: boolean): void {
    if (this.#running || this.#isClosed) return;
    if (this.#failure !== null && performance.now() - this.#triedMs < retryMs) return;
    this.#running = this.#take(all).finally(() => {
      this.#running = null;
      if (this.#isAsked && this.#failure === null) this.#run(false);
    });
  }

  async #take(all: boolean): Promise<void> {
    const { store, dead, onStore, onShare } = this.#options;
    const sentMs = performance.now();
    this.#isAsked = false;
    const batches = this.#collect(all);
    const wanted = batches.flatMap((batch) => batch.wanted);
    if (wanted.length === 0 && sentMs - this.#takenMs < showMs) return;
    this.#triedMs = sentMs;
    try {
      const { grants, size, rank } = await store.take(wanted, dead());
      this.#takenMs = sentMs;
      if (this.#isAlone) this.#keepTo(null);
      let place = 0;
      for (const batch of batches) {
        const own = grants.slice(place, place + batch.wanted.length);
        place += own.length;
        batch.limits.granted(batch.plain, own, performance.now());
      }
      if (size !== this.#share.size || rank !== this.#share.rank) {
        this.#share = { size, rank };
        onShare(this.#share);
      }
      if (this.#failure !== null) onStore(null);
      this.#failure = null;
    } catch (error) {
      for (const { limits, plain } of batches) limits.failed(plain);
      const isNew = this.#failure === null;
      this.#failure = error instanceof Error ? error.message : String(error);
      if (isNew) onStore(this.#failure);
    }
  }

  #collect(all: boolean) {
    const nowMs = performance.now();
    return Object.entries(this.#options.limits).map(([prefix, limits]) => {
      const plain = limits.collect(nowMs, all);
      const wanted = plain.map((each) => ({ ...each, name: prefix + each.name }));
      return { limits, plain, wanted };
    });
  }

  #keepTo(share: FleetShare | null): void {
    this.#isAlone = share !== null;
    const nowMs = performance.now();
    for (const limits of Object.values(this.#options.limits)) limits.keepTo(share, nowMs);
  }
}
