import type { FleetShare } from './fleet-leases.js';
import {
  aloneAfterFirstMs,
  aloneAfterMs,
  type Grant,
  type LeaseStore,
  type Wanted,
} from './lease-store.js';

/** Interval of settlements with the store while something changes. */
const syncMs = 100;
/** Interval otherwise, so that other daemons do not take this one for cut off. */
const showMs = 300;
const retryMs = 250;
/** Well within the minute for which the store reserves the share of a daemon that is cut off. */
const keepSharesMs = 10_000;
/** Requests within this time are sent to the store together. */
const gatherMs = 2;

/** One kind of limits that are leased. */
export interface LeasedLimits {
  collect(nowMs: number, all: boolean): Wanted[];
  granted(wanted: readonly Wanted[], grants: readonly Grant[], nowMs: number): void;
  failed(wanted: readonly Wanted[]): void;
  refuseLate(nowMs: number): void;
  keepTo(share: FleetShare | null, sinceMs: number): void;
}

interface SyncOptions {
  store: LeaseStore;
  /** By the prefix of their names in the store. */
  limits: Readonly<Record<string, LeasedLimits>>;
  /** Daemons that are known to have ended. */
  dead: () => readonly string[];
  /** Others that are known to live, even if they are cut off from the store. */
  alive: () => readonly string[];
  /** Called when the store stops answering, and with null when it answers again. */
  onStore: (reason: string | null) => void;
  /** Called with this daemon's share while it is cut off. */
  onShare: (share: FleetShare) => void;
}

/**
 * Settles the limits of a daemon with the store, one batch at a time.
 *
 * States: leasing → cut off, once the others have reserved its share → leasing.
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
  /** Time of the store's last answer: the next batch confirms it. */
  #takenMs = performance.now();
  /** Time of its first answer. */
  #firstMs: number | null = null;
  #triedMs = 0;
  #keptMs = performance.now();

  /** @param share best guess before the store's first answer. */
  constructor(options: SyncOptions, share: FleetShare) {
    this.#options = options;
    this.#share = share;
    this.#timer = setInterval(() => this.#tick(), syncMs);
    this.#timer.unref();
    this.#run(true);
  }

  /** Has the store asked soon: a request waits for it. */
  ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    if (!this.#running) setTimeout(() => this.#run(false), gatherMs);
  }

  /** Settles the rest and leaves the store. Never throws. */
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
    const aloneMs = this.#aloneMs;
    if (!this.#isAlone && nowMs >= aloneMs) this.#keepTo(this.#share, aloneMs);
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
      this.#takenMs = performance.now();
      this.#firstMs ??= this.#takenMs;
      if (this.#isAlone) this.#keepTo(null, this.#takenMs);
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
      this.#keepShares();
    } catch (error) {
      for (const { limits, plain } of batches) limits.failed(plain);
      const isNew = this.#failure === null;
      this.#failure = error instanceof Error ? error.message : String(error);
      if (isNew) onStore(this.#failure);
    }
  }

  #keepShares(): void {
    const { store, alive } = this.#options;
    if (performance.now() - this.#keptMs < keepSharesMs) return;
    this.#keptMs = performance.now();
    store.keepShares(alive()).catch(() => {});
  }

  #collect(all: boolean) {
    const nowMs = performance.now();
    return Object.entries(this.#options.limits).map(([prefix, limits]) => {
      const plain = limits.collect(nowMs, all);
      const wanted = plain.map((each) => ({ ...each, name: prefix + each.name }));
      return { limits, plain, wanted };
    });
  }

  /** Time from which the share is this daemon's own while the store does not answer. */
  get #aloneMs(): number {
    return Math.max(
      this.#takenMs + aloneAfterMs,
      (this.#firstMs ?? this.#takenMs) + aloneAfterFirstMs,
    );
  }

  /** @param sinceMs time from which it holds, a moment ago at most. */
  #keepTo(share: FleetShare | null, sinceMs: number): void {
    this.#isAlone = share !== null;
    for (const limits of Object.values(this.#options.limits)) limits.keepTo(share, sinceMs);
  }
}
