import type { Settings } from '../config/settings/settings-types.js';
import type { ModelEndpoint } from '../dialects/endpoint.js';
import { modelEndpoints } from '../dialects/endpoints.js';
import { GatewayError } from '../errors.js';
import type { RequestKind } from '../observe/usage/usage-row.js';
import { anybody } from '../proxy/access/authenticate.js';
import { openRoutes } from '../proxy/admission/stops.js';
import type { Selected } from '../routing/budgets.js';
import { modelMeant } from '../routing/model-order.js';
import type { RoutedCredential, Snapshot } from '../routing/snapshot.js';
import { Keys } from './keys.js';
import { type ReplayedPlan, ReplayedPlans, targetsOf } from './replayed-plans.js';
import type { Flow, Group } from './sums.js';

export interface Refused {
  refusal: string;
  /** The limit, budget, model or kill switch. */
  by: string;
}

/** Requests that differ only in their time and their tokens, under the configuration. */
export interface PlannedKind {
  readonly kind: RequestKind;
  readonly endpoint: ModelEndpoint;
  /** Canonical name. */
  readonly model: string;
  /** Null: the configuration does not have the key. */
  readonly credential: RoutedCredential | null;
  readonly selected: Selected;
  /** The routes that kill switches leave. */
  readonly plan: Omit<ReplayedPlan, 'refusal'> | Refused;
  /** Its sums; null until a request of it is counted. */
  group: Group | null;
  flow: Flow | null;
}

const endpoints = new Map<string, ModelEndpoint>(
  modelEndpoints.map((endpoint) => [endpoint.pattern, endpoint]),
);

/** Finds what the requests of one kind have in common, once for each kind. */
export class ReplayedKinds {
  readonly #candidate: Snapshot;
  readonly #settings: Settings;
  readonly #keys: Readonly<Record<'live' | 'candidate', Keys>>;
  readonly #plans: ReplayedPlans;
  readonly #known = new WeakMap<RequestKind, PlannedKind | null>();

  constructor(live: Snapshot, candidate: Snapshot, settings: Settings) {
    this.#candidate = candidate;
    this.#settings = settings;
    this.#keys = { live: new Keys(live), candidate: new Keys(candidate) };
    this.#plans = new ReplayedPlans(live, candidate, settings.routing);
  }

  /** Null: its endpoint has no routes by model. */
  of(kind: RequestKind): PlannedKind | null {
    let planned = this.#known.get(kind);
    if (planned === undefined) {
      const endpoint = endpoints.get(kind.endpoint);
      planned = endpoint ? this.#planned(kind, endpoint) : null;
      this.#known.set(kind, planned);
    }
    return planned;
  }

  #planned(kind: RequestKind, endpoint: ModelEndpoint): PlannedKind {
    const model = modelMeant(kind.model, this.#settings.routing);
    const isOff = this.#settings.auth === 'off';
    const credential = isOff ? anybody : (this.#keys.candidate.of(kind) ?? null);
    const own = credential?.tags ?? [];
    const tags = kind.tags ? [...new Set([...kind.tags, ...own])] : own;
    const selected = { user: kind.end_user, tags, model };
    const plan = credential ? this.#plan(kind, credential, endpoint, selected) : unknownKey(kind);
    return { kind, endpoint, model, credential, selected, plan, group: null, flow: null };
  }

  #plan(
    kind: RequestKind,
    credential: RoutedCredential,
    endpoint: ModelEndpoint,
    selected: Selected,
  ): PlannedKind['plan'] {
    const live = this.#keys.live.of(kind);
    const { refusal: code, ...plan } = this.#plans.of(credential, live, endpoint, kind.model);
    if (code) return refusal(code, selected.model);
    const snapshot = this.#candidate;
    if (!snapshot.stops) return plan;
    const record = { ...selected, credential, model: kind.model };
    try {
      const routes = openRoutes({ snapshot, settings: this.#settings }, record, plan.routes);
      return { ...plan, routes, targets: targetsOf(routes) };
    } catch (error) {
      if (error instanceof GatewayError) return refusal(error.code, error.message);
      throw error;
    }
  }
}

/** The configuration does not have the key, or it has expired. */
export function unknownKey({ credential_name }: RequestKind): Refused {
  return refusal('invalid_api_key', `key "${credential_name}"`);
}

export function refusal(code: string, by: string): Refused {
  return { refusal: code, by };
}
