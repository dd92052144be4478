import type { RequestFinished, RequestTrace } from '../request-event.js';

export interface Sampling {
  /** True: failed requests are always exported. */
  errors: boolean;
  /** Slower ones are always exported; null: none for that reason. */
  slowMs: number | null;
}

/** True if a request's spans are exported: sampled at its head, or by its outcome. */
export function isExported(
  event: RequestFinished,
  { isSampled }: RequestTrace,
  { errors, slowMs }: Sampling,
): boolean {
  return isSampled || (errors && hasFailed(event)) || (slowMs !== null && event.totalMs > slowMs);
}

const clientLeft = 499;

/**
 * Also if another provider made up for it. Requests without a key do not count: anybody can make
 * them fail.
 */
function hasFailed({ credential, error, status, attemptsLog }: RequestFinished): boolean {
  if (credential === null) return false;
  return error !== null || attemptsLog !== null || (status >= 400 && status !== clientLeft);
}
