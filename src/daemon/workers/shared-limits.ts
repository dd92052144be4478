import type { LeaseGrant, LeaseRequest } from '../../limits/lease.js';
import { LeaseOwner } from '../../limits/lease-owner.js';
import { type SlotGrant, SlotOwner, type SlotRequest } from '../../limits/slot-owner.js';
import type { LimitLevels } from './limit-levels.js';

const sweepEveryMs = 30_000;
const saveEveryMs = 5_000;

/** Limits that workers share: tokens of rate limits and slots of providers' concurrency. */
export class SharedLimits {
  #leases: LeaseOwner;
  readonly #quotas = new LeaseOwner();
  readonly #levels: LimitLevels;
  readonly #slots: SlotOwner;
  #frozen = false;

  /**
   * @param startFull false where other workers gave out the tokens of the limits just before.
   * @param levels of the limits beside `rate_limit`, which outlive this process.
   * @param grant called with each slot that becomes free for a worker that waits for one.
   */
  constructor(
    startFull: boolean,
    levels: LimitLevels,
    grant: (worker: number, grant: SlotGrant) => void,
  ) {
    this.#levels = levels;
    this.#leases = new LeaseOwner(startFull);
    this.#slots = new SlotOwner(grant);
    setInterval(() => {
      for (const owner of [this.#leases, this.#quotas]) owner.sweep(performance.now());
    }, sweepEveryMs).unref();
    setInterval(() => this.save(), saveEveryMs).unref();
  }

  /** Restarts the refill clock: buckets that start empty must not be credited for the past. */
  restart(startFull: boolean): void {
    this.#leases = new LeaseOwner(startFull);
    const saved = this.#levels.load();
    if (saved) this.#quotas.restore(saved.levels, performance.now() - saved.ageMs);
  }

  /** Saves what is left, unless another process has it. */
  save(): void {
    if (!this.#frozen) this.#levels.save(this.#quotas.levels(performance.now()));
  }

  /** @returns what to tell the worker; null where it only gave back. */
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

  /** Adds no more tokens to any limit. */
  freeze(): void {
    this.#frozen = true;
    this.#leases.freeze(performance.now());
    this.#quotas.freeze(performance.now());
    this.#levels.save(this.#quotas.halve(performance.now()));
  }

  thaw(): void {
    this.#frozen = false;
    this.#leases.thaw(performance.now());
    this.#quotas.thaw(performance.now());
  }
}
