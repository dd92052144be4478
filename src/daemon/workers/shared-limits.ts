import { FleetLeases, type FleetShare } from '../../limits/fleet-leases.js';
import { FleetSync } from '../../limits/fleet-sync.js';
import type { LeaseGrant, LeaseRequest } from '../../limits/lease.js';
import { LeaseOwner } from '../../limits/lease-owner.js';
import type { LeaseStore } from '../../limits/lease-store.js';
import { type SlotGrant, SlotOwner, type SlotRequest } from '../../limits/slot-owner.js';
import type { LimitLevels } from './limit-levels.js';

const sweepEveryMs = 30_000;
const saveEveryMs = 5_000;

/** Answers workers whose requests had to wait. */
export interface AnswerWorker {
  lease(worker: number, grant: LeaseGrant): void;
  quota(worker: number, grant: LeaseGrant): void;
  slot(worker: number, grant: SlotGrant): void;
}

/** The store of limits that hold over several daemons. */
export interface SharedStore {
  store: LeaseStore;
  /** Best guess until the store's first answer. */
  share: FleetShare;
  dead: () => readonly string[];
  alive: () => readonly string[];
  onStore: (reason: string | null) => void;
  onShare: (share: FleetShare) => void;
}

/**
 * Limits that workers share: tokens of rate limits and slots of providers' concurrency. A daemon
 * that is alone keeps them itself; several lease them from a store.
 */
export class SharedLimits {
  #leases: LeaseOwner | FleetLeases;
  #quotas: LeaseOwner | FleetLeases = new LeaseOwner();
  readonly #levels: LimitLevels;
  readonly #slots: SlotOwner;
  readonly #answer: AnswerWorker;
  #shared: { options: SharedStore; sync: FleetSync } | null = null;
  #frozen = false;

  /**
   * @param startFull false where other workers gave out the tokens of the limits just before.
   * @param levels of the limits beside `rate_limit`, which outlive this process.
   */
  constructor(startFull: boolean, levels: LimitLevels, answer: AnswerWorker) {
    this.#levels = levels;
    this.#answer = answer;
    this.#leases = new LeaseOwner(startFull);
    this.#slots = new SlotOwner((worker, grant) => answer.slot(worker, grant));
    setInterval(() => {
      for (const owner of [this.#leases, this.#quotas]) owner.sweep(performance.now());
    }, sweepEveryMs).unref();
    setInterval(() => this.save(), saveEveryMs).unref();
  }

  /** Restarts the refill clock: buckets that start empty must not be credited for the past. */
  restart(startFull: boolean): void {
    if (this.#shared) return;
    this.#leases = new LeaseOwner(startFull);
    const quotas = new LeaseOwner();
    const saved = this.#levels.load();
    if (saved) quotas.restore(saved.levels, performance.now() - saved.ageMs);
    this.#quotas = quotas;
  }

  /** Shares limits with all daemons of the store from now on. */
  share(options: SharedStore): void {
    if (this.#shared) return;
    const nowMs = performance.now();
    const ask = () => this.#shared?.sync.ask();
    const over = (owner: LeaseOwner | FleetLeases, kind: 'lease' | 'quota') => {
      const saved = owner instanceof LeaseOwner ? (owner.saved ?? []) : [];
      const known = [{ levels: owner.levels(nowMs), atMs: nowMs }].concat(saved);
      return new FleetLeases(known, this.#answer[kind], ask);
    };
    const leases = over(this.#leases, 'lease');
    const quotas = over(this.#quotas, 'quota');
    this.#leases = leases;
    this.#quotas = quotas;
    this.#slots.share(ask);
    const limits = { 'rate ': leases, 'quota ': quotas, 'slots ': this.#slots };
    this.#shared = { options, sync: new FleetSync({ ...options, limits }, options.share) };
  }

  /** Manages limits without the store: this daemon is alone. */
  async unshare(): Promise<void> {
    const shared = this.#shared;
    if (!shared) return;
    this.#shared = null;
    const nowMs = performance.now();
    const alone = (leases: LeaseOwner | FleetLeases) => {
      // Answers the requests that wait for the store.
      if (leases instanceof FleetLeases) leases.keepTo({ size: 1, rank: 1 }, nowMs);
      const owner = new LeaseOwner();
      owner.restore(leases.levels(nowMs), nowMs);
      return owner;
    };
    this.#leases = alone(this.#leases);
    this.#quotas = alone(this.#quotas);
    this.#slots.share(null);
    await shared.sync.close();
  }

  /** Saves the levels, unless another process is in charge of them. */
  save(): void {
    if (!this.#frozen) this.#levels.save(this.#quotas.levels(performance.now()));
  }

  /** @returns the answer for the worker; null if it only returned tokens, or is answered later. */
  lease(worker: number, request: LeaseRequest): LeaseGrant | null {
    const grant = this.#leases.handle(worker, request, performance.now());
    return request.want > 0 ? grant : null;
  }

  /** Like `lease`, for the limits besides `rate_limit`. */
  quota(worker: number, request: LeaseRequest): LeaseGrant | null {
    const grant = this.#quotas.handle(worker, request, performance.now());
    return request.want > 0 ? grant : null;
  }

  slot(worker: number, request: SlotRequest): void {
    this.#slots.handle(worker, request);
  }

  workerGone(worker: number): void {
    this.#leases.workerGone(worker, performance.now());
    this.#quotas.workerGone(worker, performance.now());
    this.#slots.workerGone(worker);
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** Stops refilling all limits; those of a store are refilled by none of its daemons. */
  freeze(): void {
    this.#frozen = true;
    const nowMs = performance.now();
    if (this.#leases instanceof LeaseOwner) this.#leases.freeze(nowMs);
    if (!(this.#quotas instanceof LeaseOwner)) return;
    this.#quotas.freeze(nowMs);
    this.#levels.save(this.#quotas.halve(nowMs));
  }

  thaw(): void {
    this.#frozen = false;
    for (const owner of [this.#leases, this.#quotas]) {
      if (owner instanceof LeaseOwner) owner.thaw(performance.now());
    }
  }
}
