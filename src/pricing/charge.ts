import { modelEndpoints } from '../dialects/endpoints.js';
import {
  classesOf,
  inputTokens,
  noClasses,
  outputTokens,
  type TokenUsage,
  type UsageClasses,
} from '../dialects/usage.js';
import { costOf } from './cost.js';
import { type ModelPrice, needsUsage } from './model-price.js';

/** Providers do not charge for counting. */
const freeEndpoints = new Set(
  modelEndpoints
    .filter(({ dialect }) => dialect.operation === 'token_count')
    .map(({ pattern }) => pattern),
);

/** The charge for an answered request: nano-dollars, and the price that they come from. */
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
  const classes = usage ? classesOf(usage) : noClasses;
  // Without usage only what needs none can be charged: a price of tokens says nothing then.
  if (!price || ((usage === null || !isRated(price, classes)) && needsUsage(price))) return null;
  const cost = costOf(price, classes, upstreamMs);
  return { cost, priceRevision: price.revision };
}

/** False for a usage that is only known in units which the price does not have. */
function isRated(price: ModelPrice, classes: UsageClasses): boolean {
  const { images, characters } = classes;
  if (images + characters === 0 || inputTokens(classes) + outputTokens(classes) > 0) return true;
  return price.bands.some(
    ({ standard }) =>
      (images > 0 && standard.image > 0) || (characters > 0 && standard.character > 0),
  );
}
