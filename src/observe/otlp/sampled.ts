import type { RequestFinished, RequestTrace } from '../event.js';

export interface Sampling {
  /** True: failed requests are always exported. */
  errors: boolean;
  /** Slower ones are always exported; null: none for that reason. */
  slowMs: number | null;
}

/** True for a request whose spans are exported: by the decision at its head, or for its outcome. */
export function isExported(
  event: RequestFinished,
  { isSampled }: RequestTrace,
  { errors, slowMs }: Sampling,
): boolean {
  return isSampled || (errors && hasFailed(event)) || (slowMs !== null && event.totalMs > slowMs);
}

const clientLeft = 499;

/** Also where another provider made up for it. Anybody can fail without a key, so that counts not. */
function hasFailed({ credential, error, status, attemptsLog }: RequestFinished): boolean {
  if (credential === null) return false;
  return error !== null || attemptsLog !== null || (status >= 400 && status !== clientLeft);
}
