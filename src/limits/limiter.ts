/** The verdict on one more request of a credential. */
export type LimitDecision =
  | typeof admitted
  | { admitted: false; limit: number; waitMs: number; resetMs: number };

export const admitted = { admitted: true } as const;

/** The state of a limit as far as this worker knows. */
export interface LimitState {
  /** Whole tokens that can still be taken. */
  remaining: number;
  /** Milliseconds until all tokens can be taken. */
  resetMs: number;
}

/** A worker's limiter. A promise is returned only where another process must be asked. */
export interface Limiter {
  /**
   * Takes one token of the bucket `key`, of `rate` tokens per second and a burst of at most
   * `burst`.
   */
  take(key: string, rate: number, burst: number): LimitDecision | Promise<LimitDecision>;
  /** Stops the refill: the worker that replaces this one does it. */
  freeze(): void;
  /** Resumes the refill: this worker is not replaced after all. */
  thaw(): void;
}
