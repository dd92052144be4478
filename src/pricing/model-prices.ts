import { compileModelPattern, matchesPattern } from '../config/rows/model-pattern.js';
import type { Price, PriceSheet } from '../config/rows/price.js';
import { matches } from './matches.js';
import { type ModelPrice, settlePrice } from './model-price.js';

/** The prices of one model at one provider, over time. */
export class ModelPrices {
  /** Latest first, with their starts: wall clock, milliseconds. */
  readonly #dated: readonly { fromMs: number; price: ModelPrice }[];

  constructor(dated: readonly Price[], markupPercent: number, picturesByTool = false) {
    this.#dated = dated
      .map((price) => ({
        fromMs: price.valid_from === null ? Number.NEGATIVE_INFINITY : Date.parse(price.valid_from),
        price: settlePrice(price, markupPercent, picturesByTool),
      }))
      .sort((a, b) => b.fromMs - a.fromMs);
  }

  /** The price at a time; null if none has started. */
  at(nowMs: number): ModelPrice | null {
    for (const { fromMs, price } of this.#dated) if (fromMs <= nowMs) return price;
    return null;
  }
}

/**
 * The prices of a model, by the provider's name of it: the operator's most exact one, the
 * provider's own before general ones; else the bundled ones. Null if there are none.
 */
export function pricesOf(
  { own, catalog, markupPercent }: PriceSheet,
  providerKey: string,
  model: string,
): ModelPrices | null {
  for (const provider of [providerKey, null]) {
    const candidates = own.filter(({ provider_key }) => provider_key === provider);
    const exact = candidates.filter((price) => price.model === model);
    if (exact.length > 0) return new ModelPrices(exact, markupPercent);
    const longest = wildcards(candidates, model);
    if (longest.length > 0) return new ModelPrices(longest, markupPercent);
  }
  const name = model.trim().toLowerCase();
  const found = catalog.find(({ match }) => matches(match, name));
  return found ? new ModelPrices(found.prices, markupPercent, found.picturesByTool) : null;
}

/** Prices of the longest matching wildcard. */
function wildcards(prices: readonly Price[], model: string): Price[] {
  let found: Price[] = [];
  for (const price of prices) {
    const pattern = compileModelPattern(price.model);
    if (typeof pattern === 'string' || !matchesPattern(pattern, model)) continue;
    const longest = found[0]?.model.length ?? 0;
    if (price.model.length > longest) found = [price];
    else if (price.model === found[0]?.model) found.push(price);
  }
  return found;
}
