/** Refusals of one code. */
export interface ReplayedRefusal {
  /** Code of the error: `model_not_found`, `rate_limit_exceeded`. */
  code: string;
  before: number;
  after: number;
  /** The limits, budgets, models or kill switches that would refuse, the most frequent first. */
  by: { name: string; requests: number }[];
}

/** Maximum names per code; the rest are counted without a name. */
const maxNames = 50;

/** Counts the refusals of a replay. */
export class Refusals {
  readonly #codes = new Map<string, { before: number; after: number; by: Map<string, number> }>();

  before(code: string): void {
    this.#of(code).before++;
  }

  after(code: string, name: string): void {
    const refusal = this.#of(code);
    refusal.after++;
    const { by } = refusal;
    if (by.size < maxNames || by.has(name)) by.set(name, (by.get(name) ?? 0) + 1);
  }

  /** The most frequent first. */
  sums(): ReplayedRefusal[] {
    return [...this.#codes]
      .map(([code, { before, after, by }]) => ({
        ...{ code, before, after },
        by: [...by]
          .map(([name, requests]) => ({ name, requests }))
          .sort((a, b) => b.requests - a.requests),
      }))
      .sort((a, b) => b.after - a.after || b.before - a.before);
  }

  #of(code: string) {
    let refusal = this.#codes.get(code);
    if (!refusal) {
      refusal = { before: 0, after: 0, by: new Map() };
      this.#codes.set(code, refusal);
    }
    return refusal;
  }
}
