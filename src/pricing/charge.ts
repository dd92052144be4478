import { modelEndpoints } from '../dialects/endpoints.js';
import { classesOf, noClasses, type TokenUsage } from '../dialects/usage.js';
import { costOf } from './cost.js';
import { type ModelPrice, needsUsage } from './model-price.js';

/** Providers do not charge for counting. */
const freeEndpoints = new Set(
  modelEndpoints
    .filter(({ dialect }) => dialect.operation === 'token_count')
    .map(({ pattern }) => pattern),
);

/** What an answered request is charged with: nano-dollars, and the price that they are made with. */
export interface PricedCost {
  cost: number;
  priceRevision: string;
}

/**
 * The cost of an answered request: the one rule of rows, budgets and replays.
 * @param endpoint its pattern.
 * @param price that of its model at its provider; null: none is known.
 * @returns null where nothing says what it costs.
 */
export function costOfAnswer(
  endpoint: string,
  price: ModelPrice | null,
  usage: TokenUsage | null,
  upstreamMs: number,
): PricedCost | null {
  if (freeEndpoints.has(endpoint)) return { cost: 0, priceRevision: 'free' };
  // Without usage only what needs none can be charged: a price of tokens says nothing then.
  if (!price || (usage === null && needsUsage(price))) return null;
  const cost = costOf(price, usage ? classesOf(usage) : noClasses, upstreamMs);
  return { cost, priceRevision: price.revision };
}
