import type { UnitName } from '../config/rows/price.js';
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

/** The charge for an answered request: nano-dollars, and the price used. */
export interface PricedCost {
  cost: number;
  priceRevision: string;
}

/**
 * The cost of an answered request, for rows, budgets and replays alike.
 * @param endpoint its pattern.
 * @param price that of its model at its provider; null: unknown.
 * @returns null if the cost is unknown.
 */
export function costOfAnswer(
  endpoint: string,
  price: ModelPrice | null,
  usage: TokenUsage | null,
  upstreamMs: number,
): PricedCost | null {
  if (freeEndpoints.has(endpoint)) return { cost: 0, priceRevision: 'free' };
  const classes = usage ? classesOf(usage) : noClasses;
  // Without usage, only units that need none can be charged.
  if (!price || ((usage === null || !isRated(price, classes)) && needsUsage(price))) return null;
  const cost = costOf(price, classes, upstreamMs);
  return { cost, priceRevision: price.revision };
}

/** The units beside tokens that a usage may be known in. */
const units: readonly [unit: UnitName, count: (classes: UsageClasses) => number][] = [
  ['image', ({ images }) => images],
  ['character', ({ characters }) => characters],
  ['second', ({ seconds }) => seconds],
  ['search', ({ searches }) => searches],
  ['file_search', ({ fileSearches }) => fileSearches],
  ['container', ({ containers }) => containers],
];

/** False for usage known only in units that the price lacks. */
function isRated(price: ModelPrice, classes: UsageClasses): boolean {
  if (inputTokens(classes) + outputTokens(classes) > 0) return true;
  const counted = units.filter(([, count]) => count(classes) > 0);
  const isPriced = ([unit]: (typeof units)[number]) =>
    price.bands.some(({ standard }) => standard[unit] > 0);
  return counted.length === 0 || counted.some(isPriced);
}
