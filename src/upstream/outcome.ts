import type { FailureScope } from './health-state.js';
import type { UpstreamFailure } from './upstream-error.js';

/** The handling of an attempt that did not end with a good answer. */
export interface Outcome {
  /** Another provider is tried. */
  retry: boolean;
  /** Against whose health it counts; null: nobody's. */
  counts: FailureScope | null;
}

const providers: Outcome = { retry: true, counts: 'provider' };
const models: Outcome = { retry: true, counts: 'model' };
/** It refuses our account, or what one client asks of it: moderation, a model that is not ours. */
const accounts: Outcome = { retry: true, counts: 'account' };
const clients: Outcome = { retry: false, counts: null };
/** A client can bring it about by what it asks for: it must not be able to eject a provider. */
const either: Outcome = { retry: true, counts: null };

/** Failures without an answer. */
const failures: Readonly<Record<UpstreamFailure, Outcome>> = {
  // It cannot be sent: the client's own doing.
  invalid: clients,
  // Provably not sent.
  connect: providers,
  // Maybe sent, and maybe paid for; another provider is tried, never the same one again.
  reset: models,
  timeout: models,
  protocol: models,
  // Its `api_base` is wrong; a client that followed would send its prompt elsewhere.
  redirect: providers,
  aborted: clients,
};

/** Error statuses that are the provider's doing; every other 4xx is the client's own. */
const statuses: ReadonlyMap<number, Outcome> = new Map([
  // The key that we keep for this provider is not valid or lacks a permission or funds.
  [401, accounts],
  [402, accounts],
  [403, accounts],
  // The provider does not have the model that it was asked for: the mapping is wrong for it, or
  // passes on whatever name the client made up.
  [404, either],
  [408, models],
  // Overload, or a quota that is used up.
  [429, models],
]);

/** The table of what is retried and what counts. */
export function outcomeOfFailure(failure: UpstreamFailure): Outcome {
  return failures[failure];
}

/** The same for an answer's status; null for an answer that is passed on as a success. */
export function outcomeOfStatus(status: number): Outcome | null {
  if (status < 400) return null;
  if (status >= 500) return models;
  return statuses.get(status) ?? clients;
}
