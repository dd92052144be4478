import { maxOutputIn, maxToolCallsIn, unitsIn } from '../../dialects/body/said.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { ErrorKind } from '../../dialects/errors/error-kind.js';
import { GatewayError } from '../../errors.js';
import { type BudgetRef, type BudgetRefusal, windowOf } from '../../limits/budget-lease.js';
import { type AskedCost, costMarks, maxCost, sessionMarks } from '../../pricing/max-cost.js';
import { shownDollars } from '../../pricing/money.js';
import type { BudgetTable, RoutedBudget, Selected } from '../../routing/budgets.js';
import { modelMeant } from '../../routing/model-order.js';
import type { Candidate, Route, RoutedCredential } from '../../routing/snapshot.js';
import type { PlannedRequest } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { narrowed } from './narrowed.js';

const noTokens = { input: 0, output: 0 };

/** A budget of a request, in its window. */
export interface Charged {
  budget: RoutedBudget;
  ref: BudgetRef;
  endMs: number | null;
}

/** The budgets that a request may belong to, with what does not depend on the request. */
interface Charges {
  all: readonly Charged[];
  hard: readonly Charged[];
  /** True if none depends on the provider that answers. */
  isOfEvery: boolean;
  /** The names of all for the control process. */
  names: string;
  /** Start of the time in which these windows are the current ones: wall clock, milliseconds. */
  fromMs: number;
  /** Its end. */
  untilMs: number;
}

/** The charges of keys whose requests belong to all of their budgets, by these budgets. */
const lasting = new WeakMap<readonly RoutedBudget[], Charges>();

function chargesOf(budgets: readonly RoutedBudget[], selected: Selected, nowMs: number): Charges {
  const known = lasting.get(budgets);
  if (known && known.fromMs <= nowMs && nowMs < known.untilMs) return known;
  const all: Charged[] = [];
  let fromMs = 0;
  let untilMs = Number.POSITIVE_INFINITY;
  for (const budget of budgets) {
    if (!budget.matches(selected)) continue;
    const { key, config } = budget;
    const { startMs, endMs } = windowOf(config.window, nowMs);
    all.push({ budget, ref: { key, windowStart: startMs, amount: config.amount }, endMs });
    fromMs = Math.max(fromMs, startMs);
    untilMs = Math.min(untilMs, endMs ?? untilMs);
  }
  const isOfEvery = all.every(({ budget }) => budget.config.applies_to.provider === undefined);
  const charges = { all, isOfEvery, ...reservedOf(all), fromMs, untilMs };
  if (budgets.every(({ isOfAll }) => isOfAll)) lasting.set(budgets, charges);
  return charges;
}

/** The budgets that a request may belong to, each in its window at that time. */
export function budgetsOf(
  budgets: BudgetTable,
  credential: RoutedCredential,
  selected: Selected,
  nowMs: number,
): readonly Charged[] {
  return chargesOf(budgets.of(credential), selected, nowMs).all;
}

/** True if a request answered by this provider belongs to a budget. */
export function isOfProvider({ budget }: Charged, { provider }: Candidate): boolean {
  return (budget.config.applies_to.provider ?? provider.key) === provider.key;
}

/** Facts about a request before it is sent, for the most that it can cost. */
export function askedCost(
  planned: Pick<PlannedRequest, 'request' | 'endpoint' | 'upload'>,
  { server, upstream }: Pick<Gateway['settings'], 'server' | 'upstream'>,
): AskedCost {
  const { request, upload } = planned;
  const { said, output, operation } = planned.endpoint.dialect;
  return {
    // The context of a session's responses is at the provider.
    marks: operation === 'realtime' ? sessionMarks : costMarks(request.body),
    bytes: upload ? (upload.declaredBytes ?? server.max_body_bytes) : request.body.length,
    outputTokens: maxOutputIn(request, said),
    hasOutput: output !== 'none',
    ...unitsIn(request, said),
    toolCalls: maxToolCallsIn(request, said),
    isRanking: operation === 'rerank',
    totalMs: upstream.total_timeout_ms,
  };
}

/**
 * Reserves the most that a request can cost in every hard budget that it belongs to, and notes all
 * its budgets in the record, for the control process to settle at its end.
 * @returns the request with only the candidates that the budgets allow; a promise only where the
 *   owner of the budgets must be asked.
 * @throws GatewayError `insufficient_quota`, with 402 in Anthropic's dialect; `overloaded`,
 *   `unavailable`.
 */
export function reserveBudgets(
  gateway: Gateway,
  planned: PlannedRequest,
  record: RequestRecord,
): PlannedRequest | Promise<PlannedRequest> {
  const { snapshot, settings } = gateway;
  const { credential, user, tags, startedAt: nowMs } = record;
  const { endpoint, request } = planned;
  const { dialect } = endpoint;
  // The session that a client secret opens is metered by itself.
  const isFree = dialect.operation === 'token_count' || dialect.name === 'openai.client_secrets';
  if (!credential || !snapshot.budgets || isFree) return planned;
  const selected = { user, tags, model: modelMeant(request.model, settings.routing) };
  const charges = chargesOf(snapshot.budgets.of(credential), selected, nowMs);
  if (charges.all.length === 0) return planned;
  const closed = new Set<string>();
  let asked: AskedCost | null = null;
  return reserveOpen();

  /** The most that a request costs there; null: it may not be sent there. */
  function costAt(candidate: Candidate): number | null {
    if (closed.has(candidate.provider.key)) return null;
    const hard = charges.isOfEvery
      ? charges.hard
      : charges.hard.filter((each) => isOfProvider(each, candidate));
    if (hard.length === 0) return 0;
    const price =
      candidate.prices()?.at(nowMs) ??
      hard.find(({ budget }) => budget.ceiling)?.budget.ceiling ??
      null;
    asked ??= askedCost(planned, settings);
    return price && maxCost(price, asked, candidate.model);
  }

  function reserveOpen(): PlannedRequest | Promise<PlannedRequest> {
    let need = 0;
    const routes = narrowed(planned.routes, (candidate) => {
      const cost = costAt(candidate);
      need = Math.max(need, cost ?? 0);
      return cost !== null;
    });
    if (routes.length === 0) {
      throw refusal(dialect, unpriced(request.model, charges.hard[0]));
    }
    const { hard, names } = charges.isOfEvery ? charges : chargesAt(charges, routes);
    if (hard.length === 0) return reserved(routes, names, 0);
    const { input, output } = record.need ?? noTokens;
    record.need = { input, output, nano: need };
    const refs = hard.map(({ ref }) => ref);
    const refused = gateway.budgets.reserve(refs, need, settings.limits.queue_timeout_ms);
    const after = (refused: BudgetRefusal | null) =>
      refused ? reserveOthers(hard, routes, refused, need) : reserved(routes, names, need);
    return refused instanceof Promise ? refused.then(after) : after(refused);
  }

  /** The budget of one provider may be spent where others are not. */
  function reserveOthers(
    hard: readonly Charged[],
    routes: readonly Route[],
    refused: BudgetRefusal,
    need: number,
  ): PlannedRequest | Promise<PlannedRequest> {
    const at = hard[refused.place] as Charged;
    const { provider } = at.budget.config.applies_to;
    const isOther = (candidate: Candidate) => candidate.provider.key !== provider;
    const others = routes.some(({ candidates }) => candidates.some(isOther));
    if (provider === undefined || !others || refused.reason !== 'spent') {
      const isUnlimited = asked?.hasOutput === true && asked.outputTokens === null;
      throw refusedBy(at, refused, need, dialect, isUnlimited);
    }
    closed.add(provider);
    return reserveOpen();
  }

  function reserved(routes: readonly Route[], budgets: string, nano: number): PlannedRequest {
    record.spend = { budgets, reserved: nano, worker: 0 };
    const isWithin = (candidate: Candidate) => {
      const cost = costAt(candidate);
      return cost !== null && cost <= nano;
    };
    const routesOfKind = (kind: ErrorKind) =>
      planned.routesOfKind(kind).map((some) => narrowed(some, isWithin));
    return { ...planned, routes, routesOfKind };
  }
}

/** The budgets that a request belongs to at one of these routes. */
function chargesAt({ all }: Charges, routes: readonly Route[]): Pick<Charges, 'hard' | 'names'> {
  const charged = all.filter((each) =>
    routes.some(({ candidates }) => candidates.some((candidate) => isOfProvider(each, candidate))),
  );
  return reservedOf(charged);
}

/** The hard budgets, and the names of all for the control process. */
function reservedOf(charged: readonly Charged[]): Pick<Charges, 'hard' | 'names'> {
  return {
    hard: charged.filter(({ budget }) => budget.isHard),
    names: charged.map(spendName).join('\n'),
  };
}

/** Names a budget of a request for the control process: see `parseName` there. */
export function spendName({ budget, ref }: Pick<Charged, 'budget' | 'ref'>): string {
  const { provider = '' } = budget.config.applies_to;
  return `${budget.isHard ? 'h' : 's'} ${ref.windowStart} ${provider} ${ref.key}`;
}

/** The message for a model without a price under a hard budget. */
export function unpriced(model: string, budget: Charged | undefined): string {
  return `The model "${model}" has no price, so it cannot be used under the budget "${budget?.budget.config.name}". Set a price, or a ceiling of the budget.`;
}

/**
 * The error for a request that a budget has refused.
 * @param isUnlimited the request could cost less if it limited its output.
 */
export function refusedBy(
  { budget, endMs }: Charged,
  { reason, left }: BudgetRefusal,
  need: number,
  dialect: Dialect,
  isUnlimited = false,
): GatewayError {
  const { name, amount, window } = budget.config;
  const period = window === 'total' ? 'in all' : `a ${window}`;
  const what = `The budget "${name}" of ${shownDollars(amount)} ${period}`;
  if (reason === 'unavailable') {
    const message = `${what} cannot be checked now: its ledger does not answer.`;
    return new GatewayError('unavailable', message, { headers: { 'retry-after': '5' } });
  }
  if (reason === 'reserved') {
    const message = `${what} is reserved by requests under way; ${shownDollars(left)} of it is not spent yet.`;
    return new GatewayError('overloaded', message, { headers: { 'retry-after': '1' } });
  }
  const until =
    endMs === null ? 'It does not reset.' : `It resets at ${new Date(endMs).toISOString()}.`;
  const rest =
    left <= 0
      ? 'is used up.'
      : `has ${shownDollars(left)} left, and this request${isUnlimited ? ', which does not limit its output,' : ''} may cost ${shownDollars(need)}.`;
  return refusal(dialect, `${what} ${rest} ${until}`);
}

/** An error that makes a client stop rather than retry, in its dialect. */
export function refusal({ name }: Dialect, message: string): GatewayError {
  const isAnthropic = name.startsWith('anthropic.');
  const headers = { 'x-should-retry': 'false' };
  return new GatewayError('insufficient_quota', message, {
    headers,
    ...(isAnthropic && { status: 402 }),
  });
}

/**
 * Refuses what cannot be metered before it is over, such as a batch, under a hard budget.
 * @param what it is, such as `batch`.
 * @param model null: any, so that budgets of models count too.
 * @throws GatewayError `insufficient_quota`.
 */
export function refuseUnmetered(
  { snapshot, settings }: Gateway,
  { credential, user, tags }: RequestRecord,
  what: string,
  model: string | null,
): void {
  if (!credential || !snapshot.budgets) return;
  const selected = { user, tags, model: model === null ? '' : modelMeant(model, settings.routing) };
  const isOf = ({ config, matches }: RoutedBudget) =>
    matches(selected) || (model === null && config.applies_to.model !== undefined);
  const hard = snapshot.budgets.of(credential).find((each) => each.isHard && isOf(each));
  if (!hard) return;
  const message = `What a ${what} costs cannot be bounded, so the budget "${hard.config.name}" does not allow any.`;
  throw new GatewayError('insufficient_quota', message, { headers: { 'x-should-retry': 'false' } });
}
