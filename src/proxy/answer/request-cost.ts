import { classesOf } from '../../dialects/usage.js';
import { costOf } from '../../pricing/cost.js';
import { formatDollars } from '../../pricing/money.js';
import type { RequestRecord } from '../record.js';

/**
 * Adds the header with the cost of a whole answer, in dollars, where its provider reported the usage
 * and the price is known.
 */
export function pushCost(headers: string[], record: RequestRecord): void {
  const { usage, candidate } = record;
  const price = usage && candidate?.prices()?.at(record.startedAt);
  if (!price) return;
  const tookMs = record.upstreamMs;
  headers.push('x-llmproxy-cost', formatDollars(costOf(price, classesOf(usage), tookMs)));
}
