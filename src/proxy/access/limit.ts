import { GatewayError } from '../../errors.js';
import type { LimitDecision, Limiter } from '../../limits/limiter.js';
import { counted } from '../../observe/counted.js';
import type { RoutedCredential } from '../../routing/snapshot.js';

/** Sent to a client whose key blocks all requests: no later time would help. */
const blockedRetryAfterSeconds = 86_400;

/**
 * Counts this request against its credential's `rate_limit`.
 * @returns a promise only where the limiter must ask; it and the call throw alike.
 * @throws GatewayError `rate_limit_exceeded` with `retry-after` and `x-ratelimit-…-requests`.
 */
export function limit(limiter: Limiter, credential: RoutedCredential): void | Promise<void> {
  const { rateLimit, burst } = credential;
  if (rateLimit === null) return;
  if (rateLimit === 0) throw blocked();
  const decision = limiter.take(credential.key, rateLimit, burst);
  if (decision instanceof Promise) return decision.then(refuseUnlessAdmitted);
  refuseUnlessAdmitted(decision);
}

function refuseUnlessAdmitted(decision: LimitDecision): void {
  if (decision.admitted) return;
  const { limit, waitMs, resetMs } = decision;
  throw new GatewayError(
    'rate_limit_exceeded',
    `This key is limited to ${counted(limit, 'request')} a second. Try again in ${Math.ceil(waitMs)} ms.`,
    {
      headers: {
        'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))),
        'retry-after-ms': String(Math.max(1, Math.ceil(waitMs))),
        'x-ratelimit-limit-requests': String(limit),
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': `${Math.ceil(resetMs)}ms`,
      },
    },
  );
}

function blocked(): GatewayError {
  return new GatewayError('rate_limit_exceeded', 'This key is blocked: its rate limit is 0.', {
    headers: {
      'retry-after': String(blockedRetryAfterSeconds),
      'x-should-retry': 'false',
      'x-ratelimit-limit-requests': '0',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': `${blockedRetryAfterSeconds}s`,
    },
  });
}
