import { budgetsOf, type Charged, isOfProvider } from '../proxy/admission/spend.js';
import type { BudgetTable, Selected } from '../routing/budgets.js';
import type { Candidate, RoutedCredential } from '../routing/snapshot.js';

/** Nano-dollars spent in a budget's window before the replayed period. */
export type SpentBefore = (key: string, windowStart: number) => number;

/** The budgets over the time of a replay. */
export class ReplayedBudgets {
  readonly #table: BudgetTable;
  readonly #spentBefore: SpentBefore;
  readonly #spent = new Map<string, number>();

  constructor(table: BudgetTable, spentBefore: SpentBefore) {
    this.#table = table;
    this.#spentBefore = spentBefore;
  }

  /** The budgets that a request may be of. */
  of(credential: RoutedCredential, selected: Selected, nowMs: number): readonly Charged[] {
    return budgetsOf(this.#table, credential, selected, nowMs);
  }

  /** The first hard budget at this candidate that the request does not fit into. */
  refusing(all: readonly Charged[], candidate: Candidate, needNano: number): Charged | null {
    const isTooMuch = (each: Charged) =>
      each.budget.isHard &&
      isOfProvider(each, candidate) &&
      needNano > each.ref.amount - this.#spentOf(each);
    return all.find(isTooMuch) ?? null;
  }

  charge(all: readonly Charged[], candidate: Candidate, nano: number): void {
    for (const each of all) {
      if (!isOfProvider(each, candidate)) continue;
      this.#spent.set(windowName(each), this.#spentOf(each) + nano);
    }
  }

  #spentOf(each: Charged): number {
    const name = windowName(each);
    let spent = this.#spent.get(name);
    if (spent === undefined) {
      spent = this.#spentBefore(each.ref.key, each.ref.windowStart);
      this.#spent.set(name, spent);
    }
    return spent;
  }
}

function windowName({ ref: { key, windowStart } }: Charged): string {
  return `${key}@${windowStart}`;
}
