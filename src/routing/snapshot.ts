import type { Configuration, Provider } from '../config/configuration.js';
import type { Canary } from '../config/rows/canary.js';
import type { AskedEndpoint } from '../dialects/endpoint.js';
import { compilePolicies, type PolicyTable } from '../policies/table.js';
import { type ModelPrices, pricesOf } from '../pricing/model-prices.js';
import { type BudgetTable, compileBudgets, compileStops, type RoutedStop } from './budgets.js';
import { moved, movingCanaries } from './canaries.js';
import type { ConfigurationChange } from './configuration-change.js';
import {
  CredentialTable,
  type NextCredentials,
  type RoutedCredential,
} from './credential-table.js';
import { compileMirrors, type MirrorTable } from './mirrors.js';
import { type MappedNames, ModelIndex, mappedNames } from './model-index.js';
import { compileModelMapping, type ModelMapping } from './model-mapping.js';
import { type MovedSessions, placeOf } from './place-of.js';
import { compileWires, type ProviderWires, type Wire, wireAt } from './wire.js';

/**
 * Everything that a request needs to know, immutable. A worker holds one reference to the current
 * snapshot; a request reads it once and uses that snapshot to its end.
 */
export interface Snapshot {
  /** Identifies the content: two configurations that route alike have the same hash. */
  readonly hash: string;
  readonly version: number;
  readonly credentials: CredentialTable;
  /** Null where there are none. */
  readonly budgets: BudgetTable | null;
  /** Null where no policy is configured. */
  readonly policies: PolicyTable | null;
  /** Kill switches that are thrown; null: none. */
  readonly stops: readonly RoutedStop[] | null;
  /** Null where nothing is mirrored. */
  readonly mirrors: MirrorTable | null;
  /** Canaries, which are compiled into the routes. */
  readonly canaries: readonly Canary[];
  /** Enabled providers. */
  readonly providers: readonly RoutedProvider[];
  /** The models that are named in mappings, without wildcards, sorted. */
  readonly models: readonly string[];
  /** The providers that serve a model; null when none does. */
  route(model: string): Route | null;
  /**
   * Those of an endpoint, in the order in which they are tried: the providers that speak its
   * dialect, then those for which requests are translated. Empty when none serves the model there.
   */
  routes(model: string, endpoint: AskedEndpoint): readonly Route[];
}

export type { RoutedCredential };

export interface RoutedProvider {
  readonly config: Provider;
  readonly key: string;
  readonly weight: number;
  /** Providers of a higher number are used only when those of lower numbers fail. */
  readonly priority: number;
  readonly mapping: ModelMapping;
  readonly names: MappedNames;
  readonly wires: ProviderWires;
  /** Its place for sessions: see `preferred`. */
  readonly place: number;
}

/** The candidates for requests for one model. */
export interface Route {
  readonly candidates: readonly Candidate[];
  /** The priorities that occur, lowest number first. */
  readonly priorities: readonly number[];
  /** Names the candidates and their weights: routes with the same group share a balancer. */
  readonly group: string;
}

export interface Candidate {
  readonly provider: RoutedProvider;
  /** The provider's name of the model. */
  readonly model: string;
  /** The provider's weight, as changed by canaries. */
  readonly weight: number;
  readonly priority: number;
  /** Its weight among sessions, and what canaries move of these; see `preferred`. */
  readonly ownWeight: number;
  readonly movedSessions: readonly MovedSessions[] | null;
  /** Price of its requests; null: unknown. */
  prices(): ModelPrices | null;
  /**
   * The wire for requests at an endpoint; null where the provider supports neither the dialect nor
   * one that it can be translated to.
   */
  wire(endpoint: AskedEndpoint): Wire | null;
}

/** Maximum remembered names; beyond that all are forgotten. Long names are never remembered. */
const maxRememberedRoutes = 10_000;
const maxRememberedLength = 256;

/** Builds a snapshot from a valid configuration. */
export function buildSnapshot(configuration: Configuration, hash: string): Snapshot {
  const { providers, teams, credentials } = configuration;
  const enabled = providers.filter(({ is_enabled }) => is_enabled);
  return assemble(hash, configuration, enabled.map(routed), CredentialTable.of(credentials, teams));
}

/**
 * Builds the snapshot of a configuration that differs little from a previous one.
 * @param next has the pieces of the change that came before.
 */
export function changeSnapshot(
  before: Snapshot,
  change: ConfigurationChange,
  hash: string,
  next: NextCredentials = before.credentials.next(change.teams),
): Snapshot {
  const { providers } = change;
  next.change(change);
  const credentials = next.table();
  const isRouteSame =
    providers.length === before.providers.length &&
    providers.every((provider, place) => provider === before.providers[place]?.key) &&
    JSON.stringify(change.canaries) === JSON.stringify(before.canaries);
  if (isRouteSame) {
    // The model index is reused: it takes long to build for many providers.
    return Object.freeze({ ...before, hash, credentials, ...compiled(change) });
  }
  const known = new Map(before.providers.map((provider) => [provider.key, provider]));
  const changed = providers.flatMap((provider) =>
    typeof provider === 'string' ? (known.get(provider) ?? []) : routed(provider),
  );
  return assemble(hash, change, changed, credentials);
}

function routed(config: Provider): RoutedProvider {
  return Object.freeze({
    config,
    key: config.provider_key,
    weight: config.weight,
    priority: config.provider_params.priority ?? 0,
    mapping: compileModelMapping(config.model_mapping),
    names: mappedNames(config.model_mapping),
    wires: compileWires(config),
    place: placeOf(config.provider_key),
  });
}

/** The parts of a configuration that are always compiled whole. */
type Compiled = Pick<
  Configuration,
  'version' | 'budgets' | 'stops' | 'guardrails' | 'mirrors' | 'canaries'
>;

function compiled(configuration: Compiled) {
  const { version, budgets, stops, mirrors } = configuration;
  return {
    version,
    budgets: compileBudgets(budgets),
    policies: compilePolicies(configuration),
    stops: compileStops(stops),
    mirrors: compileMirrors(mirrors),
  };
}

function assemble(
  hash: string,
  configuration: Compiled,
  providers: readonly RoutedProvider[],
  credentials: CredentialTable,
): Snapshot {
  const { canaries = [] } = configuration;
  const routes = new Map<string, ModelRoutes>();
  const groups = new Map<string, string>();
  const index = new ModelIndex(providers.map(({ names }) => names));
  const canary = movingCanaries(canaries);
  const making = {
    keyOf: ({ provider }: Candidate) => provider.key,
    sentOf: ({ model }: Candidate) => model,
    share: ({ provider, model }: Candidate, shared: Shared) => candidate(provider, model, shared),
    make(key: string, model: string, shared: Shared) {
      const provider = providers.find((each) => each.key === key);
      const sent = provider?.mapping(model) ?? null;
      return provider && sent !== null ? candidate(provider, sent, shared) : null;
    },
  };
  return Object.freeze({
    hash,
    credentials,
    ...compiled(configuration),
    canaries,
    providers: Object.freeze(providers),
    models: namedModels(providers),
    route: (model: string) => routesOf(model).all,
    routes: (model: string, endpoint: AskedEndpoint) => routesOf(model).at(endpoint),
  });

  function routesOf(model: string): ModelRoutes {
    let found = routes.get(model);
    if (found === undefined) {
      // Clients choose the names, and must not be able to fill the memory with them.
      if (routes.size >= maxRememberedRoutes) {
        routes.clear();
        groups.clear();
      }
      const serving = index.find(model).map((place) => providers[place] as RoutedProvider);
      found = new ModelRoutes(moving(candidatesOf(serving, model), model), groups);
      if (model.length <= maxRememberedLength) routes.set(model, found);
    }
    return found;
  }

  function moving(candidates: Candidate[], model: string): Candidate[] {
    return canary ? moved(candidates, model, canary, making) : candidates;
  }
}

/** The routes of one model: over all endpoints, and by requested endpoint. */
class ModelRoutes {
  readonly all: Route | null;
  readonly #groups: Map<string, string>;
  readonly #byEndpoint = new Map<AskedEndpoint, readonly Route[]>();

  /** @param groups interns group names, which are long with many providers. */
  constructor(candidates: readonly Candidate[], groups: Map<string, string>) {
    this.#groups = groups;
    this.all = routeOf(candidates, groups);
  }

  at(endpoint: AskedEndpoint): readonly Route[] {
    let routes = this.#byEndpoint.get(endpoint);
    if (routes === undefined) {
      const all = this.all?.candidates ?? [];
      const wires = all.map((candidate) => candidate.wire(endpoint));
      const speaking = all.filter((_, index) => wires[index]?.translation === null);
      const translated = all.filter((_, index) => wires[index]?.translation);
      routes = Object.freeze(
        [speaking, translated].flatMap((some) =>
          some.length === all.length ? (this.all ?? []) : (routeOf(some, this.#groups) ?? []),
        ),
      );
      this.#byEndpoint.set(endpoint, routes);
    }
    return routes;
  }
}

/** @param providers those that may serve the model. */
function candidatesOf(providers: readonly RoutedProvider[], model: string): Candidate[] {
  return providers.flatMap((provider) => {
    const sent = provider.mapping(model);
    const { weight, priority } = provider;
    const shared = { weight, priority, ownWeight: weight, movedSessions: null };
    return sent === null ? [] : candidate(provider, sent, shared);
  });
}

type Shared = Pick<Candidate, 'weight' | 'priority' | 'ownWeight' | 'movedSessions'>;

function candidate(
  provider: RoutedProvider,
  model: string,
  { weight, priority, ownWeight, movedSessions }: Shared,
): Candidate {
  const wires = new Map<AskedEndpoint, Wire | null>();
  let prices: ModelPrices | null | undefined;
  return Object.freeze({
    provider,
    model,
    weight,
    priority,
    ownWeight,
    movedSessions,
    prices() {
      const sheet = provider.config.prices;
      if (prices === undefined) prices = sheet ? pricesOf(sheet, provider.key, model) : null;
      return prices;
    },
    wire(endpoint: AskedEndpoint) {
      let wire = wires.get(endpoint);
      if (wire === undefined) {
        wire = wireAt(provider.wires, endpoint, model);
        wires.set(endpoint, wire);
      }
      return wire;
    },
  });
}

function routeOf(candidates: readonly Candidate[], groups: Map<string, string>): Route | null {
  if (candidates.length === 0) return null;
  const name = groupOf(candidates);
  const group = groups.get(name) ?? name;
  groups.set(group, group);
  const priorities = new Set(candidates.map(({ priority }) => priority));
  return Object.freeze({
    candidates: Object.freeze(candidates),
    priorities: Object.freeze([...priorities].sort((a, b) => a - b)),
    group,
  });
}

/** Names candidates; those with the same providers and weights share a balancer. */
export function groupOf(candidates: readonly Candidate[]): string {
  return candidates.map(({ provider, weight }) => `${provider.key}=${weight}`).join(' ');
}

function namedModels(providers: readonly RoutedProvider[]): readonly string[] {
  return Object.freeze([...new Set(providers.flatMap(({ names }) => names.exact))].sort());
}
