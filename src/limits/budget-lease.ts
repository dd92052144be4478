/** A budget in one of its windows, as workers name it. */
export interface BudgetRef {
  key: string;
  /** Wall clock, milliseconds. */
  windowStart: number;
  /** Nano-dollars. */
  amount: number;
}

/** From a worker to the owner: reserve this much of each budget, or take some back. */
export type BudgetRequest =
  | { type: 'reserve'; id: number; need: number; budgets: BudgetRef[]; waitMs: number }
  | { type: 'return'; key: string; windowStart: number; nano: number };

/** The owner's answer to `reserve`. */
export interface BudgetGrant {
  id: number;
  /** Lent of each budget, at least what is needed; null: refused. */
  lent: LentBudget[] | null;
  refusal: BudgetRefusal | null;
}

export interface LentBudget {
  key: string;
  windowStart: number;
  nano: number;
}

export interface BudgetRefusal {
  /** The place of the budget in the request. */
  place: number;
  /**
   * `spent`: it does not fit, even if others return what they reserved; `reserved`: others did not
   * return enough in time; `unavailable`: the ledger is away and the budget unknown.
   */
  reason: 'spent' | 'reserved' | 'unavailable';
  /** Nano-dollars left, including reserved ones. */
  left: number;
}

/** Money that stays unused in a worker this long is returned. */
export const budgetIdleMs = 100;

const dayMs = 86_400_000;

/** The window of a time, in UTC: its beginning, and its end; null: never. */
export function windowOf(
  window: 'day' | 'week' | 'month' | 'total',
  nowMs: number,
): { startMs: number; endMs: number | null } {
  const day = Math.floor(nowMs / dayMs) * dayMs;
  switch (window) {
    case 'day':
      return { startMs: day, endMs: day + dayMs };
    case 'week': {
      // The first day of 1970 was a Thursday.
      const startMs = day - ((day / dayMs + 3) % 7) * dayMs;
      return { startMs, endMs: startMs + 7 * dayMs };
    }
    case 'month': {
      const date = new Date(nowMs);
      const month = (more: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + more);
      return { startMs: month(0), endMs: month(1) };
    }
    case 'total':
      return { startMs: 0, endMs: null };
  }
}
