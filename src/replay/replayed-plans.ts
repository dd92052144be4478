import type { Settings } from '../config/settings/settings-types.js';
import type { ModelEndpoint } from '../dialects/endpoint.js';
import { type ErrorCode, GatewayError } from '../errors.js';
import { planRoutes } from '../proxy/attempts/plan-routes.js';
import { firstChoices } from '../routing/first-choice.js';
import type { Candidate, Route, RoutedCredential, Snapshot } from '../routing/snapshot.js';

/** Routes of a key's requests for a model. */
export interface ReplayedPlan {
  readonly routes: readonly Route[];
  /** Code of the refusal if there are no routes; else null. */
  readonly refusal: ErrorCode | null;
  /** The candidates of first attempts. */
  readonly targets: readonly Candidate[];
  /** True where the live configuration has the same candidates, weights and names of models. */
  readonly isAsLive: boolean;
}

/** Maximum cached routes per key: clients choose the names of models. */
const maxPlans = 1_000;

/** The routes of replayed requests, by the rule of the request path, computed once each. */
export class ReplayedPlans {
  readonly #live: Snapshot;
  readonly #candidate: Snapshot;
  readonly #routing: Settings['routing'];
  readonly #plans = new Map<RoutedCredential, Map<string, ReplayedPlan>>();

  constructor(live: Snapshot, candidate: Snapshot, routing: Settings['routing']) {
    this.#live = live;
    this.#candidate = candidate;
    this.#routing = routing;
  }

  /** @param asLive the same key in the live configuration; undefined: it has none. */
  of(
    credential: RoutedCredential,
    asLive: RoutedCredential | undefined,
    endpoint: ModelEndpoint,
    model: string,
  ): ReplayedPlan {
    let plans = this.#plans.get(credential);
    if (!plans || plans.size > maxPlans) {
      plans = new Map();
      this.#plans.set(credential, plans);
    }
    const name = `${endpoint.pattern} ${model}`;
    let plan = plans.get(name);
    if (!plan) {
      const { routes, refusal } = this.#planned(this.#candidate, credential, endpoint, model);
      const before = asLive && this.#planned(this.#live, asLive, endpoint, model).routes;
      const isAsLive = before !== undefined && described(before) === described(routes);
      plan = { routes, refusal, isAsLive, targets: targetsOf(routes) };
      plans.set(name, plan);
    }
    return plan;
  }

  #planned(
    snapshot: Snapshot,
    credential: RoutedCredential,
    endpoint: ModelEndpoint,
    model: string,
  ): Pick<ReplayedPlan, 'routes' | 'refusal'> {
    try {
      const routes = planRoutes(snapshot, credential, endpoint, model, this.#routing);
      return { routes, refusal: null };
    } catch (error) {
      if (error instanceof GatewayError) return { routes: [], refusal: error.code };
      throw error;
    }
  }
}

/** The candidates for the first attempts of these routes while all are healthy. */
export function targetsOf(routes: readonly Route[]): readonly Candidate[] {
  const candidates = routes[0]?.candidates ?? [];
  return firstChoices(candidates);
}

function described(routes: readonly Route[]): string {
  const names = routes.map(({ candidates }) =>
    candidates.map(({ provider: { key }, weight, priority, model }) => [
      key,
      weight,
      priority,
      model,
    ]),
  );
  return JSON.stringify(names);
}
