import type { RequestKind } from '../observe/usage/usage-row.js';
import type { Candidate } from '../routing/snapshot.js';

/** Maximum teams and models listed; the rest are summed together. */
const maxGroups = 1_000;
/** In standard errors: smaller differences count as sampling error. */
const sampleErrors = 3;

/** Requests under two configurations. */
export interface ReplayedSum {
  requests: number;
  /** Would be answered by another provider, or by another of its models. */
  moved: number;
  refused_before: number;
  refused_after: number;
  /** Nano-dollars of the requests with a known price. */
  cost_before_nano: number;
  cost_after_nano: number;
  providers: ProviderShare[];
}

/** The requests of a team for a model. */
export interface ReplayedGroup extends ReplayedSum {
  /** Null: keys without a team, or the rest that is not listed. */
  team: string | null;
  /** Canonical name; null: names without a provider, or the rest that is not listed. */
  model: string | null;
  /** Answered, with unknown cost under the plan. */
  unpriced: number;
}

/** The requests that a provider answered, and would answer. */
export interface ProviderShare {
  provider: string;
  before: number;
  after: number;
}

/** A possible target of a request, with its cost there: nano-dollars, null unknown. */
export interface PricedTarget {
  candidate: Candidate;
  cost: number | null;
}

/** Requests that one provider actually answered. */
export interface Flow {
  readonly provider: string;
  count: number;
  /** Sums of the planned cost, by target. */
  readonly costs: Map<string, number>;
}

/** Sums the requests of one team and model. */
export class Group {
  readonly team: string | null;
  readonly model: string | null;
  requests = 0;
  refusedBefore = 0;
  refusedAfter = 0;
  costBefore = 0;
  unpriced = 0;
  /** By provider and model sent. */
  readonly #flows = new Map<string, Flow>();
  readonly #after = new Map<string, { provider: string; count: number }>();
  /** Requests admitted under the plan that were refused. */
  readonly #gained = new Map<string, number>();
  /** Requests answered before that are refused under the plan. */
  readonly #lost = new Map<string, number>();
  #isAsLive = true;

  constructor(team: string | null, model: string | null) {
    this.team = team;
    this.model = model;
  }

  /** The flow of the requests that the same provider answered, under the same name of the model. */
  flowOf({ provider, model_sent }: RequestKind): Flow {
    const at = targetName(provider ?? '', model_sent ?? '');
    let flow = this.#flows.get(at);
    if (!flow) {
      flow = { provider: provider ?? '', count: 0, costs: new Map() };
      this.#flows.set(at, flow);
    }
    return flow;
  }

  /** A request of one of its flows that was answered, and would be again. */
  routed(flow: Flow, picked: Candidate, targets: readonly PricedTarget[], asLive: boolean) {
    this.#isAsLive &&= asLive;
    flow.count++;
    const to = nameOf(picked);
    const after = this.#after.get(to);
    if (after) after.count++;
    else this.#after.set(to, { provider: picked.provider.key, count: 1 });
    for (const { candidate, cost } of targets) {
      if (cost !== null) add(flow.costs, nameOf(candidate), cost);
    }
  }

  admitted(picked: Candidate): void {
    add(this.#gained, picked.provider.key, 1);
  }

  refused({ provider }: RequestKind): void {
    this.refusedAfter++;
    if (provider !== null) add(this.#lost, provider, 1);
  }

  /**
   * The groups with the fewest possible requests moved: only those by which a provider's share
   * shrinks. If the routes are the live ones, differences within the sampling error move none.
   */
  sum(): ReplayedGroup {
    const stays = this.#isAsLive && this.#isSample();
    const countAfter = (name: string) => this.#after.get(name)?.count ?? 0;
    const wanting = [...this.#after].map(([name, { count }]) => ({
      name,
      count: Math.max(0, count - (this.#flows.get(name)?.count ?? 0)),
    }));
    const wanted = wanting.reduce((sum, { count }) => sum + count, 0);
    let moved = 0;
    let costAfter = 0;
    for (const [name, { count, costs }] of this.#flows) {
      const moving = stays ? 0 : Math.max(0, count - countAfter(name));
      const share = moving / count;
      moved += moving;
      costAfter += (costs.get(name) ?? 0) * (1 - share);
      if (moving === 0) continue;
      for (const { name: to, count: more } of wanting) {
        costAfter += ((costs.get(to) ?? 0) * share * more) / wanted;
      }
    }
    const { team, model, requests, refusedBefore, refusedAfter, costBefore, unpriced } = this;
    return {
      ...{ team, model, requests, moved },
      ...{ refused_before: refusedBefore, refused_after: refusedAfter },
      ...{ cost_before_nano: costBefore, cost_after_nano: Math.round(costAfter), unpriced },
      providers: this.#shares(),
    };
  }

  #shares(): ProviderShare[] {
    const shares = new Map<string, ProviderShare>();
    const count = (provider: string, before: number, after: number) => {
      const share = shares.get(provider) ?? { provider, before: 0, after: 0 };
      share.before += before;
      share.after += after;
      shares.set(provider, share);
    };
    for (const flow of this.#flows.values()) count(flow.provider, flow.count, 0);
    for (const [provider, lost] of this.#lost) count(provider, lost, 0);
    for (const { provider, count: after } of this.#after.values()) count(provider, 0, after);
    for (const [provider, gained] of this.#gained) count(provider, 0, gained);
    return [...shares.values()];
  }

  #isSample(): boolean {
    const all = [...this.#flows.values()].reduce((sum, { count }) => sum + count, 0);
    const names = new Set([...this.#flows.keys(), ...this.#after.keys()]);
    return [...names].every((name) => {
      const before = this.#flows.get(name)?.count ?? 0;
      const after = this.#after.get(name)?.count ?? 0;
      const share = after / all;
      const error = Math.sqrt(all * share * (1 - share));
      return Math.abs(before - after) <= sampleErrors * error;
    });
  }
}

/** The sums of a replay by team and model, bounded in number. */
export class ReplayedGroups {
  readonly #groups = new Map<string | null, Map<string | null, Group>>();
  readonly #others = new Group(null, null);
  #size = 0;

  /** Requests in the rest that is not listed. */
  get unlisted(): number {
    return this.#others.requests;
  }

  of(team: string | null, model: string | null): Group {
    let models = this.#groups.get(team);
    const known = models?.get(model);
    if (known) return known;
    if (this.#size >= maxGroups) return this.#others;
    if (!models) {
      models = new Map();
      this.#groups.set(team, models);
    }
    const group = new Group(team, model);
    models.set(model, group);
    this.#size++;
    return group;
  }

  /** The largest first. */
  sums(): ReplayedGroup[] {
    const groups = [...this.#groups.values()].flatMap((models) => [...models.values()]);
    if (this.unlisted > 0) groups.push(this.#others);
    return groups.map((group) => group.sum()).sort((a, b) => b.requests - a.requests);
  }
}

/** Names of candidates, each made once. */
const names = new WeakMap<Candidate, string>();

function nameOf(candidate: Candidate): string {
  let name = names.get(candidate);
  if (name === undefined) {
    name = targetName(candidate.provider.key, candidate.model);
    names.set(candidate, name);
  }
  return name;
}

function targetName(provider: string, model: string): string {
  return `${provider}\0${model}`;
}

function add(sums: Map<string, number>, name: string, more: number): void {
  sums.set(name, (sums.get(name) ?? 0) + more);
}
