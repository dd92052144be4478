import { fleetShare, fleetSlots } from '../../limits/lease.js';
import { LeasedBudgets } from '../../limits/leased-budgets.js';
import { LeasedLimiter } from '../../limits/leased-limiter.js';
import { LeasedSlots } from '../../limits/leased-slots.js';
import { LocalLimiter } from '../../limits/local-limiter.js';
import { LocalSlots } from '../../limits/slots.js';
import type { FleetFacts } from '../../proxy/gateway.js';
import type { FromWorker, StartWorker, ToWorker } from './messages.js';

type Granted = ToWorker & { type: 'lease' | 'quota' | 'slot' | 'budget' };

/** The limits of one worker, all of which the control process may own. */
export class WorkerLimits {
  readonly limiter: LocalLimiter | LeasedLimiter;
  readonly quotas: LeasedLimiter;
  readonly slots: LocalSlots | LeasedSlots;
  readonly budgets: LeasedBudgets;

  /** @param fleet the daemons that share the limits; read when the owner is gone. */
  constructor(
    { limiter: kind, slot, count }: StartWorker,
    send: (message: FromWorker) => void,
    fleet: () => FleetFacts,
  ) {
    const leased = (type: 'lease' | 'quota') =>
      new LeasedLimiter(
        (request) => send({ type, request }),
        (rate, burst) => fleetShare(rate, burst, slot, count, fleet().size),
      );
    const leasedSlots = () =>
      new LeasedSlots(
        (request) => send({ type: 'slot', request }),
        (capacity, aloneMs) => fleetSlots(capacity, aloneMs, slot, count, fleet()),
      );
    this.limiter = kind === 'leased' ? leased('lease') : new LocalLimiter(kind === 'full');
    this.quotas = leased('quota');
    this.slots = kind === 'leased' ? leasedSlots() : new LocalSlots();
    this.budgets = new LeasedBudgets((request) => send({ type: 'budget', request }));
  }

  /** The owner has answered. */
  granted(message: Granted): void {
    switch (message.type) {
      case 'lease':
        if (this.limiter instanceof LeasedLimiter) this.limiter.granted(message.grant);
        break;
      case 'quota':
        this.quotas.granted(message.grant);
        break;
      case 'slot':
        if (this.slots instanceof LeasedSlots) this.slots.granted(message.grant);
        break;
      case 'budget':
        this.budgets.granted(message.grant);
        break;
    }
  }

  /** Stops refilling: another worker or process does it. */
  freeze(): void {
    this.limiter.freeze();
    this.quotas.freeze();
  }

  /** Undoes `freeze`. */
  thaw(): void {
    this.limiter.thaw();
    this.quotas.thaw();
  }

  /** This worker takes its share of every limit until another owner appears. */
  ownerGone(): void {
    if (this.limiter instanceof LeasedLimiter) this.limiter.ownerGone();
    this.quotas.ownerGone();
    if (this.slots instanceof LeasedSlots) this.slots.ownerGone();
    this.budgets.ownerGone();
  }

  /** Returns what no request uses, before the worker ends. */
  close(): void {
    this.budgets.close();
  }
}
