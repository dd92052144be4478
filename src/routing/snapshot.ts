import type { Configuration, Credential, Provider } from '../config/configuration.js';
import { compileModelPattern } from '../config/model-pattern.js';
import { compileAllowedModels, compileModelMapping, type ModelMapping } from './model-mapping.js';

/**
 * Everything that a request needs to know, immutable. A worker holds one reference to the current
 * snapshot; a request reads it once and uses that snapshot to its end.
 */
export interface Snapshot {
  /** Identifies the content: two configurations that route alike have the same hash. */
  readonly hash: string;
  readonly version: number;
  /** By SHA-256 of the key, lower-case hex. Disabled credentials are not in it. */
  readonly credentials: ReadonlyMap<string, RoutedCredential>;
  /** Enabled providers. */
  readonly providers: readonly RoutedProvider[];
  /** The models that are named in mappings, without wildcards, sorted. */
  readonly models: readonly string[];
  /** The providers that serve a model, or null when none does. */
  route(model: string): Route | null;
}

export interface RoutedCredential {
  readonly id: number | null;
  readonly name: string;
  readonly hash: Buffer;
  /** Names this credential's limiter: the same for a key and the one that it replaced. */
  readonly key: string;
  /** Null: all models. */
  readonly allows: ((model: string) => boolean) | null;
  /** Requests a second, or null. */
  readonly rateLimit: number | null;
  /** Refused from then on: wall clock, milliseconds; null never. */
  readonly expiresAt: number | null;
}

export interface RoutedProvider {
  readonly config: Provider;
  readonly key: string;
  readonly weight: number;
  /** Providers of a higher number are used only when those of the lower ones fail. */
  readonly priority: number;
  readonly mapping: ModelMapping;
}

/** Where the requests for one model may go. */
export interface Route {
  readonly candidates: readonly Candidate[];
  /** The priorities that occur, lowest number first. */
  readonly priorities: readonly number[];
  /** Names the candidates and their weights: routes with the same group share a balancer. */
  readonly group: string;
}

export interface Candidate {
  readonly provider: RoutedProvider;
  /** The name that this provider knows the model by. */
  readonly model: string;
}

/** All are forgotten when this many have come together, and long names are never remembered. */
const maxRememberedRoutes = 10_000;
const maxRememberedLength = 256;

/** Builds a snapshot from a valid configuration. */
export function buildSnapshot(configuration: Configuration, hash: string): Snapshot {
  const providers = configuration.providers
    .filter((provider) => provider.is_enabled)
    .map((config) =>
      Object.freeze({
        config,
        key: config.provider_key,
        weight: config.weight,
        priority: config.provider_params.priority ?? 0,
        mapping: compileModelMapping(config.model_mapping),
      }),
    );
  const credentials = new Map<string, RoutedCredential>();
  for (const credential of configuration.credentials) {
    if (credential.is_enabled) credentials.set(credential.credential_key, routed(credential));
  }
  for (const credential of configuration.credentials) {
    const { previous_key, is_enabled } = credential;
    // A key that somebody else has now is no longer this one's.
    if (!previous_key || !is_enabled || credentials.has(previous_key)) continue;
    credentials.set(previous_key, routedBefore(credential, previous_key));
  }
  const routes = new Map<string, Route | null>();
  const groups = new Map<string, string>();
  return Object.freeze({
    hash,
    version: configuration.version,
    credentials,
    providers: Object.freeze(providers),
    models: namedModels(providers),
    route(model: string) {
      let route = routes.get(model);
      if (route === undefined) {
        // A client chooses the names: it must not be able to fill the memory with them.
        if (routes.size >= maxRememberedRoutes) {
          routes.clear();
          groups.clear();
        }
        route = computeRoute(providers, model, groups);
        if (model.length <= maxRememberedLength) routes.set(model, route);
      }
      return route;
    },
  });
}

function routed(credential: Credential): RoutedCredential {
  return Object.freeze({
    id: credential.id,
    name: credential.name,
    hash: Buffer.from(credential.credential_key, 'hex'),
    // Not the hash where there is an id: a rotation would fill the bucket anew.
    key: credential.id === null ? credential.credential_key : `credential ${credential.id}`,
    allows: compileAllowedModels(credential.allowed_models),
    rateLimit: credential.rate_limit,
    expiresAt: milliseconds(credential.expires_at),
  });
}

/** The credential under its key before a rotation. */
function routedBefore(credential: Credential, previousKey: string): RoutedCredential {
  const after = routed(credential);
  const ends = [after.expiresAt, milliseconds(credential.previous_expires_at) ?? 0];
  return Object.freeze({
    ...after,
    hash: Buffer.from(previousKey, 'hex'),
    expiresAt: Math.min(...ends.filter((end) => end !== null)),
  });
}

function milliseconds(time: string | null | undefined): number | null {
  return time ? Date.parse(time) : null;
}

/** `groups` keeps one copy of each group's name, which is long where providers are many. */
function computeRoute(
  providers: readonly RoutedProvider[],
  model: string,
  groups: Map<string, string>,
): Route | null {
  const candidates: Candidate[] = [];
  for (const provider of providers) {
    const sent = provider.mapping(model);
    if (sent !== null) candidates.push(Object.freeze({ provider, model: sent }));
  }
  if (candidates.length === 0) return null;
  const name = candidates.map(({ provider }) => `${provider.key}=${provider.weight}`).join(' ');
  const group = groups.get(name) ?? name;
  groups.set(group, group);
  const priorities = new Set(candidates.map(({ provider }) => provider.priority));
  return Object.freeze({
    candidates: Object.freeze(candidates),
    priorities: Object.freeze([...priorities].sort((a, b) => a - b)),
    group,
  });
}

function namedModels(providers: readonly RoutedProvider[]): readonly string[] {
  const names = new Set<string>();
  for (const { config } of providers) {
    for (const key of Object.keys(config.model_mapping)) {
      const pattern = compileModelPattern(key);
      if (typeof pattern !== 'string' && pattern.kind === 'exact') names.add(key);
    }
  }
  return Object.freeze([...names].sort());
}
