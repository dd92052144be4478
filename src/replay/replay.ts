import type { Settings } from '../config/settings/settings-types.js';
import type { ModelEndpoint } from '../dialects/endpoint.js';
import type { ErrorCode } from '../errors.js';
import type { ReplayedRow } from '../observe/usage/usage-row.js';
import { narrowed } from '../proxy/admission/narrowed.js';
import type { Charged } from '../proxy/admission/spend.js';
import { Balancers, nextCandidate } from '../routing/plan.js';
import type { Candidate, Route, RoutedCredential, Snapshot } from '../routing/snapshot.js';
import { strategies } from '../routing/strategies/index.js';
import { Agenda } from './agenda.js';
import { Refusals, type ReplayedRefusal } from './refusals.js';
import { ReplayedBudgets, type SpentBefore } from './replayed-budgets.js';
import {
  type PlannedKind,
  type Refused,
  ReplayedKinds,
  refusal,
  unknownKey,
} from './replayed-kinds.js';
import { ReplayedLimits, type Tokens } from './replayed-limits.js';
import { targetsOf } from './replayed-plans.js';
import { isPriced, needOf, pricing } from './replayed-prices.js';
import { ReplayedStates } from './replayed-states.js';
import { ReplayedUsage } from './replayed-usage.js';
import {
  type Group,
  type PricedTarget,
  type ProviderShare,
  type ReplayedGroup,
  ReplayedGroups,
  type ReplayedSum,
} from './sums.js';
import { type Uncertain, unknowns } from './unknowns.js';

/** Effect of a configuration on stored requests. */
export interface ReplayReport extends ReplayedSum {
  refusals: ReplayedRefusal[];
  groups: ReplayedGroup[];
  /** Unknowns, in sentences. */
  unknown: string[];
}

interface ReplayOptions {
  live: Snapshot;
  candidate: Snapshot;
  settings: Settings;
  spentBefore: SpentBefore;
}

type Decision =
  | { picked: Candidate; targets: readonly PricedTarget[]; isAsLive: boolean }
  | Refused;

/** The refusals that a replay decides itself. */
const replayed: ReadonlySet<string> = new Set<ErrorCode>([
  ...(['invalid_api_key', 'model_not_allowed', 'model_not_found', 'stopped'] as const),
  ...(['rate_limit_exceeded', 'insufficient_quota', 'no_provider_available'] as const),
]);

/**
 * Replays stored requests under a configuration, in the order of their starts: keys, routes, limits,
 * budgets and prices, each by the code of the request path.
 */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #agenda = new Agenda();
  readonly #kinds: ReplayedKinds;
  readonly #limits: ReplayedLimits;
  readonly #budgets: ReplayedBudgets | null;
  readonly #balancers: Balancers;
  readonly #states: ReplayedStates;
  readonly #groups = new ReplayedGroups();
  readonly #refusals = new Refusals();
  readonly #usage = new ReplayedUsage();
  readonly #uncertain: Uncertain = {
    ...{ retried: 0, elsewhere: 0, otherwiseRefused: 0, estimated: 0, cached: 0, admitted: 0 },
  };

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { live, candidate, settings, spentBefore } = options;
    this.#kinds = new ReplayedKinds(live, candidate, settings);
    this.#limits = new ReplayedLimits(this.#agenda);
    this.#budgets = candidate.budgets && new ReplayedBudgets(candidate.budgets, spentBefore);
    this.#balancers = new Balancers(strategies[settings.routing.strategy]);
    this.#states = new ReplayedStates(settings.routing.strategy, this.#agenda);
  }

  /** @param row not older than the previous one. */
  add(row: ReplayedRow): void {
    const { kind } = row;
    const planned = this.#kinds.of(kind);
    if (!planned) {
      this.#uncertain.elsewhere++;
      return;
    }
    this.#agenda.runUntil(row.started_ms);
    const wasRefused = kind.attempts === 0 && kind.error !== null;
    const credential = this.#credentialOf(row, planned);
    const isInTime = credential && this.#isInTime(row, credential, planned.endpoint);
    if (wasRefused && !replayed.has(kind.error ?? '')) {
      this.#uncertain.otherwiseRefused++;
      return;
    }
    if (kind.attempts === 0 && kind.status < 400) {
      this.#uncertain.cached++;
      return;
    }
    let found: Decision;
    if (!credential) found = unknownKey(kind);
    else if (!isInTime) found = refusal('rate_limit_exceeded', 'rate_limit of this key');
    else if ('refusal' in planned.plan) found = planned.plan;
    else found = this.#admit(row, credential, planned, planned.plan);
    this.#count(row, planned, wasRefused, found);
    this.#states.answered(row);
    if (kind.attempts > 1) this.#uncertain.retried++;
    if (row.prompt_tokens !== null) this.#usage.learn(planned.model, row);
  }

  report(): ReplayReport {
    const groups = this.#groups.sums();
    const sum = (of: (group: ReplayedGroup) => number) =>
      groups.reduce((all, group) => all + of(group), 0);
    const shares = new Map<string, ProviderShare>();
    for (const { provider, before, after } of groups.flatMap(({ providers }) => providers)) {
      const share = shares.get(provider) ?? { provider, before: 0, after: 0 };
      share.before += before;
      share.after += after;
      shares.set(provider, share);
    }
    const providers = [...shares.values()].sort((a, b) => b.before - a.before || b.after - a.after);
    const { candidate, settings } = this.#options;
    return {
      requests: sum(({ requests }) => requests),
      moved: sum(({ moved }) => moved),
      refused_before: sum((group) => group.refused_before),
      refused_after: sum((group) => group.refused_after),
      cost_before_nano: sum((group) => group.cost_before_nano),
      cost_after_nano: sum((group) => group.cost_after_nano),
      providers,
      refusals: this.#refusals.sums(),
      groups,
      unknown: unknowns({
        ...this.#uncertain,
        unlisted: this.#groups.unlisted,
        strategy: settings.routing.strategy,
        withoutHistory: this.#states.withoutHistory(providers),
        hasBudgets: candidate.budgets !== null,
      }),
    };
  }

  #credentialOf({ started_ms }: ReplayedRow, { credential }: PlannedKind): RoutedCredential | null {
    const isExpired = (credential?.expiresAt ?? Number.POSITIVE_INFINITY) <= started_ms;
    return isExpired ? null : credential;
  }

  #isInTime(row: ReplayedRow, credential: RoutedCredential, { limited }: ModelEndpoint): boolean {
    return !limited || this.#limits.takeRate(credential, row.started_ms);
  }

  #admit(
    row: ReplayedRow,
    credential: RoutedCredential,
    { kind, endpoint, model, selected }: PlannedKind,
    plan: Exclude<PlannedKind['plan'], Refused>,
  ): Decision {
    let { routes } = plan;
    const usage = this.#usage.of(row, model);
    const endMs = row.started_ms + row.duration_ms;
    if (credential.quotas && endpoint.limited) {
      const used = { input: usage?.promptTokens ?? 0, output: usage?.completionTokens ?? 0 };
      const needed = this.#neededOf(row, used);
      const times = { startMs: row.started_ms, endMs };
      const limit = this.#limits.take(credential, { model, needed, used, ...times });
      if (limit !== null) return refusal('rate_limit_exceeded', limit);
    }
    const price = pricing(row, usage);
    let targets = plan.targets.map(price);
    const charged = this.#budgets?.of(credential, selected, row.started_ms) ?? [];
    if (charged.length > 0) {
      const open = this.#withinBudgets(row, charged, routes, targets);
      if ('refusal' in open) return open;
      if (open.routes !== routes) targets = targetsOf(open.routes).map(price);
      ({ routes } = open);
    }
    const picked = nextCandidate(routes, this.#balancers, [], this.#states, row.started_ms);
    if (!picked) throw new Error(`no candidate for the model "${kind.model}"`);
    this.#states.sent(picked, row.started_ms, endMs);
    const cost = targets.find(({ candidate }) => candidate === picked)?.cost ?? null;
    if (charged.length > 0 && cost !== null) {
      this.#agenda.add(endMs, () => this.#budgets?.charge(charged, picked, cost));
    }
    return { picked, targets, isAsLive: plan.isAsLive };
  }

  /** The routes without the providers whose budgets are spent; a refusal where none is left. */
  #withinBudgets(
    row: ReplayedRow,
    charged: readonly Charged[],
    routes: readonly Route[],
    targets: readonly PricedTarget[],
  ): { routes: readonly Route[] } | Refused {
    const dearest = Math.max(0, ...targets.map(({ cost }) => cost ?? 0));
    const need = needOf(row, dearest);
    let spent: Charged | undefined;
    const isOpen = (candidate: Candidate) => {
      const refusing = this.#budgets?.refusing(charged, candidate, need);
      spent ??= refusing ?? undefined;
      return !refusing && isPriced(charged, candidate, row.started_ms);
    };
    const open = narrowed(routes, isOpen);
    if (open.length > 0) return { routes: open };
    const budget = spent ?? charged.find((each) => each.budget.isHard);
    return refusal('insufficient_quota', `budget "${budget?.budget.config.name}"`);
  }

  #count(row: ReplayedRow, planned: PlannedKind, wasRefused: boolean, found: Decision): void {
    const { kind } = planned;
    const group = this.#groupOf(planned);
    group.requests++;
    group.costBefore += row.cost_nano ?? 0;
    if (wasRefused) {
      group.refusedBefore++;
      this.#refusals.before(kind.error ?? '');
    }
    if ('refusal' in found) {
      group.refused(kind);
      this.#refusals.after(found.refusal, found.by);
      return;
    }
    const { picked, targets, isAsLive } = found;
    if (kind.provider === null) {
      group.admitted(picked);
      if (wasRefused) this.#uncertain.admitted++;
      return;
    }
    const isAnswered = kind.status < 400 || row.prompt_tokens !== null;
    if (isAnswered && targets.every(({ cost }) => cost === null)) group.unpriced++;
    planned.flow ??= group.flowOf(kind);
    group.routed(planned.flow, picked, targets, isAsLive);
  }

  #groupOf(planned: PlannedKind): Group {
    if (!planned.group) {
      const { kind, model } = planned;
      // A name without a provider may be arbitrary text from a client.
      const isNamed = kind.provider !== null || this.#options.candidate.route(model) !== null;
      planned.group = this.#groups.of(kind.team, isNamed ? model : null);
    }
    return planned.group;
  }

  #neededOf({ need_input, need_output }: ReplayedRow, used: Tokens): Tokens {
    if (need_input !== null && need_output !== null) {
      return { input: need_input, output: need_output };
    }
    this.#uncertain.estimated++;
    return used;
  }
}
