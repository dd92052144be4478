import type { TokenUsage } from '../../dialects/usage.js';
import { costOfAnswer } from '../../pricing/charge.js';
import { formatDollars } from '../../pricing/money.js';
import type { RequestRecord } from '../record.js';

/** The header of a whole answer with its cost, and the member of a stream's usage. */
export const costName = 'x-llmproxy-cost';

/**
 * The cost of an answer in dollars, exact; null where no price is known, or the usage is still to be
 * counted.
 * @param upstreamMs how long its provider took.
 */
export function shownCost(
  { candidate, startedAt, endpoint }: RequestRecord,
  usage: TokenUsage | null,
  upstreamMs: number,
): string | null {
  const price = candidate?.prices()?.at(startedAt) ?? null;
  const charged = costOfAnswer(endpoint, price, usage, upstreamMs);
  return charged && formatDollars(charged.cost);
}

/** Adds the header with the cost of a whole answer. */
export function pushCost(headers: string[], record: RequestRecord): void {
  if (record.status >= 400 && !record.usage) return;
  const cost = shownCost(record, record.usage, record.upstreamMs);
  if (cost !== null) headers.push(costName, cost);
}
