import type { Configuration, Provider } from '../config/configuration.js';
import type { Canary } from '../config/rows/canary.js';
import type { AskedEndpoint } from '../dialects/endpoint.js';
import { compilePolicies, type PolicyTable } from '../policies/table.js';
import { type BudgetTable, compileBudgets, compileStops, type RoutedStop } from './budgets.js';
import { moved, movingCanaries } from './canaries.js';
import type { ConfigurationChange } from './configuration-change.js';
import {
  CredentialTable,
  type NextCredentials,
  type RoutedCredential,
} from './credential-table.js';
import { compileMirrors, type MirrorTable } from './mirrors.js';
import { ModelIndex, mappedNames } from './model-index.js';
import { compileModelMapping } from './model-mapping.js';
import { placeOf } from './place-of.js';
import {
  type Candidate,
  candidate,
  candidatesOf,
  ModelRoutes,
  type Route,
  type RoutedProvider,
  type Shared,
} from './routes.js';
import { compileWires } from './wire.js';

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

export type { Candidate, Route, RoutedCredential, RoutedProvider };

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
  const areSame =
    providers === null ||
    (providers.length === before.providers.length &&
      providers.every((provider, place) => provider === before.providers[place]?.key));
  if (areSame && JSON.stringify(change.canaries) === JSON.stringify(before.canaries)) {
    // The model index is reused: it takes long to build for many providers.
    return Object.freeze({ ...before, hash, credentials, ...compiled(change) });
  }
  const known = new Map(before.providers.map((provider) => [provider.key, provider]));
  const changed = providers?.flatMap((provider) =>
    typeof provider === 'string' ? (known.get(provider) ?? []) : routed(provider),
  );
  return assemble(hash, change, changed ?? before.providers, credentials);
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

function namedModels(providers: readonly RoutedProvider[]): readonly string[] {
  return Object.freeze([...new Set(providers.flatMap(({ names }) => names.exact))].sort());
}
