import type { Provider } from '../config/configuration.js';
import type { TokenUsage } from '../dialects/usage.js';
import type { Charge } from '../observe/request-event.js';
import type { ChargeFor } from '../observe/usage/usage-recorder.js';
import { costOfAnswer } from '../pricing/charge.js';
import type { ModelPrice } from '../pricing/model-price.js';
import { type ModelPrices, pricesOf } from '../pricing/model-prices.js';

/** Past this many models, all are looked up again: clients choose their names. */
const maxModels = 10_000;
/**
 * Charges requests, in the control process: the only place that computes a cost for rows, metrics
 * and budgets.
 */
export class PriceBook {
  #providers: ReadonlyMap<string, Provider> = new Map();
  /** By provider, then model: a joined key would be hashed for each request. */
  readonly #models = new Map<string, Map<string, ModelPrices | null>>();
  /** Prices that requests were charged with, by revision. */
  readonly #used = new Map<string, ModelPrice>();
  readonly #stored = new Set<string>();

  /** @param providers of the configuration that becomes active. */
  configured(providers: readonly Provider[]): void {
    this.#providers = new Map(providers.map((provider) => [provider.provider_key, provider]));
    this.#models.clear();
  }

  /** The price of a model by the provider's name of it; null where none is known. */
  priceOf(provider: string, model: string, nowMs: number): ModelPrice | null {
    const models = this.#models.get(provider) ?? new Map<string, ModelPrices | null>();
    if (models.size === 0) this.#models.set(provider, models);
    let prices = models.get(model);
    if (prices === undefined) {
      if (models.size >= maxModels) models.clear();
      const sheet = this.#providers.get(provider)?.prices;
      prices = sheet ? pricesOf(sheet, provider, model) : null;
      models.set(model, prices);
    }
    return prices?.at(nowMs) ?? null;
  }

  /** A price that requests were charged with since the start. */
  used(revision: string): ModelPrice | null {
    return this.#used.get(revision) ?? null;
  }

  /** The prices of these revisions that are not stored yet. */
  unstored(revisions: ReadonlySet<string>): ModelPrice[] {
    return [...revisions].flatMap((revision) =>
      this.#stored.has(revision) ? [] : (this.#used.get(revision) ?? []),
    );
  }

  stored(prices: readonly ModelPrice[]): void {
    for (const { revision } of prices) this.#stored.add(revision);
  }

  readonly chargeFor: ChargeFor = (event, usage) => {
    const { provider, modelSent, status, endpoint, startedAt, upstreamMs } = event;
    if (event.cache?.result === 'hit') return free;
    const isAnswered = usage !== null || status < 400;
    if (provider === null || modelSent === null || !isAnswered) return undefined;
    const asked = {
      provider,
      model_sent: modelSent,
      endpoint,
      upstream_ms: upstreamMs,
      atMs: startedAt,
    };
    return this.chargeOf(asked, usage);
  };

  /** The charge for an answered request, at the prices of its time; null: no price is known. */
  chargeOf(asked: Answered, usage: TokenUsage | null): Charge | null {
    const price = this.priceOf(asked.provider, asked.model_sent, asked.atMs);
    const charged = costOfAnswer(asked.endpoint, price, usage, asked.upstream_ms);
    if (charged === null) return null;
    if (price) this.#used.set(price.revision, price);
    return { currency: 'USD', ...charged };
  }
}

const free: Charge = { cost: 0, currency: 'USD', priceRevision: 'free' };

/** A request that a provider answered, by the names of its row. */
interface Answered {
  provider: string;
  model_sent: string;
  endpoint: string;
  upstream_ms: number;
  /** Wall clock, milliseconds. */
  atMs: number;
}
