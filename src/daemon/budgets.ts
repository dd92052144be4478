import type { Configuration } from '../config/configuration.js';
import type { Budget } from '../config/rows/budget.js';
import type { Settings } from '../config/settings/settings-types.js';
import { alertBudget } from '../db/queries/fleet/sync-budgets.js';
import { classesOf, type TokenUsage } from '../dialects/usage.js';
import {
  type BudgetGrant,
  type BudgetRef,
  type BudgetRequest,
  windowOf,
} from '../limits/budget-lease.js';
import { BudgetOwner, type Spending } from '../limits/budget-owner.js';
import type { Grant } from '../limits/budget-store.js';
import type { Emit } from '../observe/event.js';
import type { BudgetState } from '../observe/gateway-state.js';
import type { Charge, RequestFinished } from '../observe/request-event.js';
import { costOf } from '../pricing/cost.js';
import { type RoutedBudget, routedBudget } from '../routing/budgets.js';
import { budgetOf } from '../routing/mirrors.js';
import { fetchBytes } from '../upstream/fetch-bytes.js';
import { leaseMs, type PostgresBudgetOptions, postgresBudgets } from './postgres-budgets.js';

const webhookTimeoutMs = 10_000;
const maxWebhookBytes = 1_048_576;

interface BudgetsOptions extends PostgresBudgetOptions {
  /** Webhooks are reached like providers: the same address policy and proxies. */
  upstream: Settings['upstream'];
  /** Daemons that spend from these budgets. */
  daemons: () => number;
  emit: Emit;
  /** Lends to a worker. */
  grant: (worker: number, grant: BudgetGrant) => void;
}

/** A refusal at this percentage spent, or more, means that a hard budget is used up. */
const usedUpPercent = 80;

interface Told {
  /** The last percentage. */
  alerted: number;
  /** Nano-dollars, as last known. */
  spent: number;
  /** A request was refused since then. */
  isRefused: boolean;
}

/** Budgets in the control process: settles the cost of requests and sends alerts. */
export class Budgets {
  readonly #options: BudgetsOptions;
  readonly #owner: BudgetOwner;
  readonly #names = new Map<string, readonly Named[]>();
  #byKey = new Map<string, RoutedBudget>();
  /** State of alerts, by budget and window. */
  readonly #told = new Map<string, Told>();
  #alerts = Promise.resolve();

  constructor(options: BudgetsOptions) {
    this.#options = options;
    this.#owner = new BudgetOwner({
      store: postgresBudgets(options),
      leaseMs,
      daemons: options.daemons,
      grant: options.grant,
      onSynced: (grant) => this.#synced(grant),
      onSpent: (ref) => this.#refused(ref),
      onUnsettled: (key, nano) =>
        options.emit({ type: 'budget_unsettled', budget: this.#nameOf(key), cost: nano }),
      onStore: (reason) =>
        options.emit(
          reason === null ? { type: 'budgets_working' } : { type: 'budgets_failing', reason },
        ),
    });
  }

  configured({ budgets = [], mirrors = [] }: Configuration): void {
    const all = [...budgets, ...mirrors.flatMap((mirror) => budgetOf(mirror) ?? [])];
    const enabled = all.filter(({ is_enabled }) => is_enabled).map(routedBudget);
    this.#byKey = new Map(enabled.map((budget) => [budget.key, budget]));
    for (const { key, config } of enabled) {
      const { startMs } = windowOf(config.window, Date.now());
      this.#owner.know({ key, windowStart: startMs, amount: config.amount });
    }
  }

  handle(worker: number, request: BudgetRequest): void {
    this.#owner.handle(worker, request);
  }

  workerGone(worker: number): void {
    this.#owner.workerGone(worker);
  }

  /**
   * Settles a finished request.
   * @param charge null, undefined: see `ChargeFor`.
   */
  settle(
    event: RequestFinished,
    charge: Charge | null | undefined,
    usage: TokenUsage | null,
  ): void {
    const { spend, provider } = event;
    if (!spend) return;
    const spendings = this.#parsed(spend.budgets).map((named): Spending => {
      const { key, windowStart, isHard } = named;
      const counts = named.provider === '' || named.provider === provider;
      const cost = counts ? this.#costOf(event, charge, usage, key) : 0;
      const reserved = isHard ? spend.reserved : 0;
      return { key, windowStart, reserved, cost, counts: counts && event.attempts > 0 };
    });
    const amountOf = (key: string) => this.#byKey.get(key)?.config.amount ?? 1;
    this.#owner.settle(spend.worker, spendings, amountOf);
  }

  /** For metrics: the current spend of each budget. */
  get states(): BudgetState[] {
    const nowMs = Date.now();
    return [...this.#byKey.values()].map(({ key, config: { name, amount, window } }) => {
      const { startMs } = windowOf(window, nowMs);
      const spent = this.#told.get(`${key}@${startMs}`)?.spent ?? 0;
      return { name, amount, spent, reserved: this.#owner.lentOf(key, startMs) };
    });
  }

  /** Leaves most of the money to the daemon that takes over; or takes it again. */
  async freeze(isFrozen: boolean): Promise<void> {
    if (isFrozen) await this.#owner.handOver();
    else this.#owner.resume();
  }

  close(): Promise<void> {
    return this.#owner.close();
  }

  #costOf(
    event: RequestFinished,
    charge: Charge | null | undefined,
    usage: TokenUsage | null,
    key: string,
  ): number {
    if (charge) return charge.cost;
    const ceiling = this.#byKey.get(key)?.ceiling;
    if (ceiling && usage) return costOf(ceiling, classesOf(usage), event.upstreamMs);
    // A provider was used at an unknown price: charge the reservation rather than too little.
    const isUnknown = event.attempts > 0 && (event.status < 400 || event.status === 499);
    return isUnknown ? (event.spend?.reserved ?? 0) : 0;
  }

  #synced({ key, windowStart, spent, alerted }: Grant): void {
    const name = `${key}@${windowStart}`;
    const told = this.#told.get(name) ?? { alerted, spent, isRefused: false };
    told.alerted = Math.max(told.alerted, alerted);
    told.spent = spent;
    this.#told.set(name, told);
    const config = this.#byKey.get(key)?.config;
    if (!config) return;
    for (const percent of [...config.alerts].sort((a, b) => a - b)) {
      if (percent > told.alerted && spent * 100 >= config.amount * percent) {
        this.#alert(key, windowStart, percent);
      }
    }
    if (told.isRefused) this.#refused({ key, windowStart });
    told.isRefused = false;
  }

  /**
   * Alerts that a hard budget is used up, which its spend never says: what is left is too little for
   * a request. One that is too large for a budget with much left is no reason.
   */
  #refused({ key, windowStart }: Pick<BudgetRef, 'key' | 'windowStart'>): void {
    const config = this.#byKey.get(key)?.config;
    const told = this.#told.get(`${key}@${windowStart}`);
    if (!config || !told) return;
    // The spend of the requests before may not be known yet.
    told.isRefused = true;
    if (told.spent * 100 >= config.amount * usedUpPercent) this.#alert(key, windowStart, 100);
  }

  /** Sends an alert once over all daemons; retried with the next settlement after a failure. */
  #alert(key: string, windowStart: number, percent: number): void {
    const config = this.#byKey.get(key)?.config;
    const told = this.#told.get(`${key}@${windowStart}`);
    if (!config?.alerts.includes(percent) || !told || told.alerted >= percent) return;
    const before = told.alerted;
    told.alerted = percent;
    const { store, emit } = this.#options;
    const work = async () => {
      if (!(await alertBudget(store.sql, key, windowStart, percent))) return;
      const alert = { budget: config.name, percent, amount: config.amount, spent: told.spent };
      emit({ type: 'budget_alert', ...alert });
      void this.#post(config, windowStart, alert);
    };
    // One at a time: storing a higher percentage first would suppress the alert of a lower one.
    this.#alerts = this.#alerts.then(work).catch(() => {
      told.alerted = before;
    });
  }

  async #post(
    { webhook, window }: Budget,
    windowStart: number,
    alert: { budget: string; percent: number; amount: number; spent: number },
  ): Promise<void> {
    if (webhook === null) return;
    const { amount: amount_nano, spent: spent_nano, ...others } = alert;
    const { endMs } = windowOf(window, windowStart);
    const body = {
      event: 'budget_alert',
      ...others,
      ...{ amount_nano, spent_nano, window, window_start: new Date(windowStart) },
      resets_at: endMs === null ? null : new Date(endMs),
    };
    try {
      const { status } = await fetchBytes(this.#options.upstream, {
        method: 'POST',
        url: webhook,
        headers: ['content-type', 'application/json'],
        body: JSON.stringify(body),
        timeoutMs: webhookTimeoutMs,
        maxBytes: maxWebhookBytes,
      });
      if (status >= 300) throw new Error(`it answered ${status}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.emit({ type: 'budget_webhook_failed', budget: alert.budget, reason });
    }
  }

  #nameOf(key: string): string {
    return this.#byKey.get(key)?.config.name ?? key;
  }

  #parsed(names: string): readonly Named[] {
    let parsed = this.#names.get(names);
    if (!parsed) {
      if (this.#names.size > 10_000) this.#names.clear();
      parsed = names.split('\n').map(parseName);
      this.#names.set(names, parsed);
    }
    return parsed;
  }
}

/** A budget of a request, as its worker wrote it: see `proxy/admission/spend.ts`. */
interface Named {
  isHard: boolean;
  windowStart: number;
  /** Empty: any. */
  provider: string;
  key: string;
}

function parseName(text: string): Named {
  const [kind = '', windowStart = '', provider = '', ...key] = text.split(' ');
  return {
    isHard: kind === 'h',
    windowStart: Number(windowStart),
    provider,
    key: key.join(' '),
  };
}
