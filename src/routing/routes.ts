import type { Provider } from '../config/configuration.js';
import type { AskedEndpoint } from '../dialects/endpoint.js';
import { type ModelPrices, pricesOf } from '../pricing/model-prices.js';
import type { MappedNames } from './model-index.js';
import type { ModelMapping } from './model-mapping.js';
import type { MovedSessions } from './place-of.js';
import { type ProviderWires, type Wire, wireAt } from './wire.js';

/** An enabled provider, compiled for requests. */
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

/** The routes of one model: over all endpoints, and by requested endpoint. */
export class ModelRoutes {
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

/** The candidates for a model. @param providers those that may serve it. */
export function candidatesOf(providers: readonly RoutedProvider[], model: string): Candidate[] {
  return providers.flatMap((provider) => {
    const sent = provider.mapping(model);
    const { weight, priority } = provider;
    const shared = { weight, priority, ownWeight: weight, movedSessions: null };
    return sent === null ? [] : candidate(provider, sent, shared);
  });
}

/** A candidate's weights and priority, which canaries change. */
export type Shared = Pick<Candidate, 'weight' | 'priority' | 'ownWeight' | 'movedSessions'>;

/** A provider with its name of a model; price and wires are found when first needed. */
export function candidate(
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
