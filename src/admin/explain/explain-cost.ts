import { classesOf, type TokenUsage } from '../../dialects/usage.js';
import type { Charge } from '../../observe/request-event.js';
import { type CostLine, costLines } from '../../pricing/cost.js';
import type { ModelPrice } from '../../pricing/model-price.js';
import { formatDollars } from '../../pricing/money.js';

/** The cost of a request and its reasons; the field names are those of the API. */
export interface CostExplanation {
  cost_nano: number;
  /** The same in dollars, exact. */
  cost: string;
  currency: string;
  price_revision: string;
  /** Name of the price; null where the revision is not stored. */
  price: string | null;
  /** One line for each class; null if the price or the usage is no longer known. */
  lines: CostLine[] | null;
}

/** @param price of the charge; null if it is no longer known. */
export function explainCost(
  charge: Charge,
  price: ModelPrice | null,
  usage: TokenUsage | null,
  upstreamMs: number,
): CostExplanation {
  return {
    cost_nano: charge.cost,
    cost: formatDollars(charge.cost),
    currency: charge.currency,
    price_revision: charge.priceRevision,
    price: price?.name ?? null,
    lines: price && usage && costLines(price, classesOf(usage), upstreamMs),
  };
}
