import type { FailureScope } from './health-state.js';
import type { UpstreamFailure } from './upstream-error.js';

/** The handling of an attempt that did not end with a good answer. */
export interface Outcome {
  /** True: another provider is tried. */
  retry: boolean;
  /** Scope that the failure counts against; null: none. */
  counts: FailureScope | null;
}

const providers: Outcome = { retry: true, counts: 'provider' };
const models: Outcome = { retry: true, counts: 'model' };
/**
 * The provider refuses the account, or one client's request: moderation, a model without access.
 */
const accounts: Outcome = { retry: true, counts: 'account' };
const clients: Outcome = { retry: false, counts: null };
/** Clients can cause it by their requests, so it must not let one of them eject a provider. */
const either: Outcome = { retry: true, counts: null };

/** Failures without an answer. */
const failures: Readonly<Record<UpstreamFailure, Outcome>> = {
  // The request cannot be sent: the client's fault.
  invalid: clients,
  // Provably not sent.
  connect: providers,
  // Maybe sent and paid for: another provider is tried, never the same one again.
  reset: models,
  timeout: models,
  protocol: models,
  // Its `api_base` is wrong; following would send the prompt elsewhere.
  redirect: providers,
  aborted: clients,
};

/** Error statuses that are the provider's fault; every other 4xx is the client's. */
const statuses: ReadonlyMap<number, Outcome> = new Map([
  // The configured key is invalid or lacks a permission or funds.
  [401, accounts],
  [402, accounts],
  [403, accounts],
  // The provider lacks the model: the mapping is wrong, or passes on a name that the client made
  // up.
  [404, either],
  [408, models],
  // Overload, or an exhausted quota.
  [429, models],
]);

/** Errors of answers that began well, and that the provider did not finish. */
const broken: ReadonlySet<string> = new Set([
  'upstream_failed',
  'upstream_timeout',
  'provider_error',
]);

/**
 * True where the provider is to blame for the error of an answer: not the client that read too
 * slowly, a kill switch or a guardrail.
 */
export function isProviderError(error: string | null): boolean {
  return error !== null && broken.has(error);
}

/** The table of which failures are retried and which count. */
export function outcomeOfFailure(failure: UpstreamFailure): Outcome {
  return failures[failure];
}

/** The same for an answer's status; null for an answer that is relayed as a success. */
export function outcomeOfStatus(status: number): Outcome | null {
  if (status < 400) return null;
  if (status >= 500) return models;
  return statuses.get(status) ?? clients;
}
