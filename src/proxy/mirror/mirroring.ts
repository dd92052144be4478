import { GatewayError } from '../../errors.js';
import { type BudgetRef, windowOf } from '../../limits/budget-lease.js';
import { LocalSlots } from '../../limits/slots.js';
import type { Emit, MirrorSkip } from '../../observe/event.js';
import { costOfAnswer } from '../../pricing/charge.js';
import { maxCost } from '../../pricing/max-cost.js';
import type { MirrorTable, RoutedMirror } from '../../routing/mirrors.js';
import { modelMeant } from '../../routing/model-order.js';
import { Balancers } from '../../routing/plan.js';
import type { Candidate, Route } from '../../routing/snapshot.js';
import { strategies } from '../../routing/strategies/index.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { Health } from '../../upstream/health.js';
import { isProviderError } from '../../upstream/outcome.js';
import { ProviderLimits } from '../../upstream/provider-limits.js';
import { RetryBudget } from '../../upstream/retry-budget.js';
import { narrowed } from '../admission/narrowed.js';
import { askedCost, spendName } from '../admission/spend.js';
import { openRoutes } from '../admission/stops.js';
import { relayAnswer } from '../answer/relay-answer.js';
import { dispatch } from '../attempts/dispatch.js';
import type { PlannedRequest } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import { RequestRecord } from '../record.js';
import { scoreOf } from './mirror-score.js';
import { SilentExchange } from './silent-exchange.js';

const reportMs = 1_000;
/** Larger requests are not kept in memory for a copy. */
const maxBodyBytes = 4_194_304;

/** A finished client request, to be copied. */
interface Original {
  gateway: Gateway;
  exchange: Exchange;
  planned: PlannedRequest;
  record: RequestRecord;
}

/** Made with the first request that may be mirrored. */
const mirrorings = new WeakMap<Gateway, Mirroring>();

/** The mirroring of a worker's gateway. */
export function mirroringOf(gateway: Gateway): Mirroring {
  let mirroring = mirrorings.get(gateway);
  if (!mirroring) {
    mirroring = new Mirroring(gateway.settings.routing, gateway.emit);
    mirrorings.set(gateway, mirroring);
  }
  return mirroring;
}

/**
 * Sends copies of sampled requests elsewhere once their clients have their answers. Copies have
 * their own slots, budgets, balancers and provider health: whatever happens to them, clients
 * neither wait, nor are routed differently, nor pay.
 */
class Mirroring {
  readonly #emit: Emit;
  readonly #own: Pick<
    Gateway,
    'health' | 'retryBudget' | 'providerLimits' | 'balancers' | 'slots' | 'usageRefusers'
  >;
  readonly #skipped = new Map<string, Map<MirrorSkip, number>>();
  #timer: NodeJS.Timeout | null = null;

  constructor({ strategy }: Gateway['settings']['routing'], emit: Emit) {
    this.#emit = emit;
    this.#own = {
      health: new Health(() => {}),
      retryBudget: new RetryBudget(),
      providerLimits: new ProviderLimits(),
      balancers: new Balancers(strategies[strategy]),
      slots: new LocalSlots(),
      usageRefusers: new Set(),
    };
  }

  /** Chooses the mirrors of a request, and has it copied to them once it is over. */
  sample(
    gateway: Gateway,
    exchange: Exchange,
    table: MirrorTable,
    planned: PlannedRequest,
    record: RequestRecord,
  ): void {
    const { credential, user, tags } = record;
    const { request, upload } = planned;
    if (!credential || upload || request.body.length > maxBodyBytes) return;
    const model = modelMeant(request.model, gateway.settings.routing);
    const sampled = table
      .of(credential)
      .filter(({ matches, share }) => matches({ user, tags, model }) && Math.random() < share);
    if (sampled.length === 0) return;
    if (sampled.some(({ config }) => config.webhook !== null)) record.keepBodies(request.body);
    record.mirrored = () => {
      // Without a complete answer there is nothing to compare.
      if (record.status === 499 || exchange.aborted || gateway.draining) return;
      for (const mirror of sampled) {
        void this.#mirror({ gateway, exchange, planned, record }, mirror);
      }
    };
  }

  /** Never rejects. */
  async #mirror(original: Original, mirror: RoutedMirror): Promise<void> {
    const { gateway, record } = original;
    const { applies_to, max_concurrency, name } = mirror.config;
    if ((applies_to.provider ?? record.provider) !== record.provider) return;
    const routes = this.#routesOf(original, mirror);
    if (typeof routes === 'string') return this.#skip(name, routes);
    const { watchdog, settings, slots } = gateway;
    const isLate = watchdog.loopDelayMs > settings.limits.max_event_loop_delay_ms / 2;
    const release = isLate ? null : await slots.tryAcquire(mirror.slots, max_concurrency);
    if (!release) return this.#skip(name, 'busy');
    try {
      const paid = await this.#reserve(original, mirror, routes);
      if (typeof paid === 'string') this.#skip(name, paid);
      else await this.#copy(original, mirror, paid.routes, paid.spend);
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#emit({ type: 'request_failed', requestId: record.requestId, error: reason });
    } finally {
      release();
    }
  }

  #routesOf(
    { gateway, planned: { endpoint, request }, record }: Original,
    { config: { model, provider } }: RoutedMirror,
  ): readonly Route[] | MirrorSkip {
    const { snapshot, settings } = gateway;
    const asked = modelMeant(model ?? request.model, settings.routing);
    const isTarget = (candidate: Candidate) =>
      (provider ?? candidate.provider.key) === candidate.provider.key;
    const routes = narrowed(snapshot.routes(asked, endpoint), isTarget);
    if (routes.length === 0) return 'no_provider';
    try {
      return openRoutes(gateway, record, routes);
    } catch (error) {
      if (error instanceof GatewayError) return 'stopped';
      throw error;
    }
  }

  /** Reserves the most that a copy can cost of its mirror's budget. */
  async #reserve(
    { gateway, planned, record }: Original,
    { budget }: RoutedMirror,
    routes: readonly Route[],
  ): Promise<{ routes: readonly Route[]; spend: RequestRecord['spend'] } | MirrorSkip> {
    if (!budget) return { routes, spend: null };
    const asked = askedCost(planned, gateway.settings);
    let need = 0;
    const priced = narrowed(routes, (candidate) => {
      const price = candidate.prices()?.at(record.startedAt);
      if (price) need = Math.max(need, maxCost(price, asked, candidate.model));
      return price != null;
    });
    if (priced.length === 0) return 'unpriced';
    const { window, amount } = budget.config;
    const windowStart = windowOf(window, Date.now()).startMs;
    const ref: BudgetRef = { key: budget.key, windowStart, amount };
    const refused = await gateway.budgets.reserve([ref], need, 0);
    if (refused) return 'budget';
    return {
      routes: priced,
      spend: { budgets: spendName({ budget, ref }), reserved: need, worker: 0 },
    };
  }

  /** The copy is recorded whatever happens: its record settles the budget. */
  async #copy(
    { gateway, exchange, planned, record }: Original,
    { config: { name, webhook } }: RoutedMirror,
    routes: readonly Route[],
    spend: RequestRecord['spend'],
  ): Promise<void> {
    const silent = new SilentExchange(exchange);
    const copy = new RequestRecord(silent, record.requestId);
    const { credential, configVersion, endpoint, model, user, tags, bodyBytes, stream } = record;
    Object.assign(copy, { credential, configVersion, endpoint, model, user, tags, bodyBytes });
    Object.assign(copy, { stream, spend });
    const { request } = planned;
    if (webhook !== null) copy.keepBodies(request.body);
    const own = { ...gateway, ...this.#own };
    const sent: PlannedRequest = { ...planned, routes, routesOfKind: () => [] };
    try {
      const answer = await dispatch(own, silent, sent, copy);
      await relayAnswer(own, answer, silent, sent, copy);
    } catch (error) {
      if (error instanceof GatewayError) copy.failed(error, '');
      else if (error instanceof AbortedError) copy.left();
      else copy.failed(new GatewayError('internal_error', String(error)), '');
    }
    const finished = copy.finished();
    const client = compared(record);
    let score: number | null = null;
    if (webhook !== null) {
      score = await scoreOf(gateway, webhook, name, record, copy).catch(() => {
        this.#skip(name, 'webhook_failed');
        return null;
      });
    }
    gateway.emit({ ...finished, mirror: { mirror: name, client, score } });
  }

  /** Counted, and reported once a second: a busy mirror may skip thousands. */
  #skip(mirror: string, reason: MirrorSkip): void {
    const counts = this.#skipped.get(mirror) ?? new Map<MirrorSkip, number>();
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    this.#skipped.set(mirror, counts);
    this.#timer ??= setTimeout(() => this.#report(), reportMs).unref();
  }

  #report(): void {
    this.#timer = null;
    for (const [mirror, counts] of this.#skipped) {
      for (const [reason, count] of counts) {
        this.#emit({ type: 'mirror_skipped', mirror, reason, count });
      }
    }
    this.#skipped.clear();
  }
}

function compared({
  candidate,
  endpoint,
  usage,
  ...record
}: RequestRecord): NonNullable<RequestRecord['mirror']>['client'] {
  const price = candidate?.prices()?.at(record.startedAt) ?? null;
  const isAnswered = candidate !== null && (record.status < 400 || usage !== null);
  const cost = isAnswered ? costOfAnswer(endpoint, price, usage, record.upstreamMs) : null;
  return {
    provider: candidate?.provider.key ?? null,
    model_sent: candidate?.model ?? null,
    status: record.status,
    failed: record.status >= 400 || isProviderError(record.error),
    upstream_ms: record.upstreamMs,
    first_token_ms: record.firstTokenMs,
    completion_tokens: usage?.completionTokens ?? null,
    cost_nano: cost?.cost ?? null,
  };
}
