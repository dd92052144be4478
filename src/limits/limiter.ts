/** Whether one more request of a credential may go on now. */
export type LimitDecision =
  | typeof admitted
  | { admitted: false; limit: number; waitMs: number; resetMs: number };

export const admitted = { admitted: true } as const;

/** A worker's limiter. A promise is returned only where another process must be asked. */
export interface Limiter {
  /** Uses one token of the bucket `key`, of `rate` tokens a second. */
  take(key: string, rate: number): LimitDecision | Promise<LimitDecision>;
  /** Stops adding tokens: this worker is being replaced by one that adds them. */
  freeze(): void;
  /** Adds tokens again: it is not replaced after all. */
  thaw(): void;
}
