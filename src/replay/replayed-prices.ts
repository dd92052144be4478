import { classesOf, type TokenUsage } from '../dialects/usage.js';
import type { ReplayedRow } from '../observe/usage/usage-row.js';
import { costOfAnswer } from '../pricing/charge.js';
import type { ModelPrice } from '../pricing/model-price.js';
import type { Charged } from '../proxy/admission/spend.js';
import type { Candidate } from '../routing/snapshot.js';
import type { PricedTarget } from './sums.js';

/** Prices a request at each of its possible targets. Many have the same price, computed once. */
export function pricing(
  row: ReplayedRow,
  usage: TokenUsage | null,
): (at: Candidate) => PricedTarget {
  const { kind, started_ms, upstream_ms } = row;
  const isCharged = kind.status < 400 || usage !== null;
  const counted = usage && { ...usage, classes: classesOf(usage) };
  let last: ModelPrice | null = null;
  let cost: number | null = null;
  return (candidate) => {
    if (!isCharged) return { candidate, cost: null };
    const price = candidate.prices()?.at(started_ms) ?? null;
    if (price === null || price.revision !== last?.revision) {
      cost = costOfAnswer(kind.endpoint, price, counted, upstream_ms)?.cost ?? null;
      last = price;
    }
    return { candidate, cost };
  };
}

/**
 * The reservation for hard budgets: scaled from the original one by the change of cost, else the
 * cost.
 */
export function needOf({ need_nano, cost_nano }: ReplayedRow, cost: number): number {
  if (!need_nano) return cost;
  return cost_nano && cost ? Math.ceil((need_nano / cost_nano) * cost) : need_nano;
}

/** Under a hard budget, models without a price are refused unless the budget has a ceiling. */
export function isPriced(
  charged: readonly Charged[],
  candidate: Candidate,
  nowMs: number,
): boolean {
  const hard = charged.filter(({ budget }) => budget.isHard);
  if (hard.length === 0 || hard.some(({ budget }) => budget.ceiling)) return true;
  return (candidate.prices()?.at(nowMs) ?? null) !== null;
}
