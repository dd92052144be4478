import { Places } from './places.js';

/** The names in the configuration: no others become label values. */
export interface ConfiguredNames {
  /** Exact model names, without wildcards. */
  models: Iterable<string>;
  providers: Iterable<string>;
  /** The models named in a provider's mapping, paired with the provider. */
  pairs?: Iterable<readonly [model: string, provider: string]>;
}

/** Maximum numbers of providers and pairs with their own series. */
export interface LabelLimits {
  providers: number;
  /** Pairs of a model and a provider. */
  pairs: number;
}

/** Label values for a request. */
export type Labels = {
  model: string;
  provider: string;
};

/** The label value that stands for every other name. */
export const unknown = 'unknown';

/** Bounds the names kept, which include earlier ones for requests that outlive a configuration. */
const maxNames = 50_000;
export const defaultLimits: LabelLimits = { providers: 200, pairs: 500 };

/**
 * Bounds the number of label values, whatever clients send and however often the configuration
 * changes: a name in no configuration, and every name past the bounds, is `unknown`.
 */
export class LabelBounds {
  #models = new Set<string>();
  #providers = new Set<string>();
  readonly #namedProviders: Places;
  readonly #namedPairs: Places;
  /** By provider, then model: `unknown`, or names that have places, which they keep. */
  readonly #known = new Map<string, Map<string, Labels>>();
  readonly #prefix: string;
  readonly #onOverflow: () => void;

  /**
   * @param modelPrefix optional prefix of clients' model names, with its slash; empty for none.
   * @param onOverflow called for each request beyond a bound.
   */
  constructor(modelPrefix: string, limits: LabelLimits, onOverflow: () => void) {
    this.#namedProviders = new Places(limits.providers);
    this.#namedPairs = new Places(limits.pairs);
    this.#prefix = modelPrefix && `${modelPrefix}/`;
    this.#onOverflow = onOverflow;
  }

  /** Call it before a configuration becomes active. */
  learn({ models, providers, pairs = [] }: ConfiguredNames): void {
    this.#models = union(this.#models, models);
    this.#providers = union(this.#providers, providers);
    this.#namedProviders.reserve(providers);
    const usable = [...pairs].filter(([, provider]) => this.#namedProviders.keeps(provider));
    this.#namedPairs.reserve(usable.map(([model, provider]) => pairOf({ model, provider })));
  }

  /** @returns the same object for the same label values. */
  of(model: string | null, provider: string | null): Labels {
    return this.#named(provider ?? unknown, model ?? unknown) ?? this.#bounded(model, provider);
  }

  #named(provider: string, model: string): Labels | undefined {
    return this.#known.get(provider)?.get(model);
  }

  #bounded(askedModel: string | null, askedProvider: string | null): Labels {
    let model = this.#model(askedModel);
    const provider = this.#provider(askedProvider);
    if (model !== unknown && !this.#namedPairs.take(pairOf({ model, provider }))) {
      this.#onOverflow();
      model = unknown;
    }
    return this.#named(provider, model) ?? this.#keep({ model, provider });
  }

  #keep(labels: Labels): Labels {
    const models = this.#known.get(labels.provider) ?? new Map<string, Labels>();
    this.#known.set(labels.provider, models.set(labels.model, labels));
    return labels;
  }

  #model(asked: string | null): string {
    if (asked === null) return unknown;
    if (this.#models.has(asked)) return asked;
    if (this.#prefix === '' || !asked.startsWith(this.#prefix)) return unknown;
    const name = asked.slice(this.#prefix.length);
    return this.#models.has(name) ? name : unknown;
  }

  #provider(provider: string | null): string {
    if (provider === null || !this.#providers.has(provider)) return unknown;
    if (this.#namedProviders.take(provider)) return provider;
    this.#onOverflow();
    return unknown;
  }
}

function pairOf({ model, provider }: Labels): string {
  return `${model}\0${provider}`;
}

/** Returns a test that accepts the first `max` distinct values and no others. */
export function admitUpTo(max: number): (value: string) => boolean {
  const admitted = new Set<string>();
  return (value) => {
    if (admitted.has(value)) return true;
    if (admitted.size >= max) return false;
    admitted.add(value);
    return true;
  };
}

function union(known: Set<string>, added: Iterable<string>): Set<string> {
  const names = [...added];
  return new Set(known.size + names.length > maxNames ? names : [...known, ...names]);
}
