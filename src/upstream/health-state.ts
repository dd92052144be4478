import type { ProviderStatus } from '../observe/gateway-state.js';

/** A provider that returned gets its full share only after this time. */
export const slowStartMs = 20_000;

const slowStartMinShare = 0.1;

/** Time constant of the latency estimate. */
export const latencyDecayMs = 10_000;

/** The failed provider or model. */
export interface Failed {
  scope: FailureScope;
  /** The model's name as sent. */
  model: string;
  /** The client's key. */
  credential: string;
}

/** Whose failure it is: the provider's, the model's, or that of the account or request. */
export type FailureScope = 'provider' | 'model' | 'account';

/** Clients that saw consecutive failures: a single client must not be able to eject a provider. */
interface Seen {
  failures: number;
  model: string | null;
  credential: string | null;
  severalModels: boolean;
  severalCredentials: boolean;
}

export interface State {
  consecutiveFailures: number;
  seen: Seen;
  timesEjected: number;
  /** Wall clock, ms; 0 when it is not ejected. */
  ejectedUntil: number;
  /** True while a single request tests whether it has recovered. */
  onTrial: boolean;
  cooldownUntil: number;
  recoveredAt: number;
  inFlight: number;
  latencyMs: number;
  latencyAt: number;
  /** The same without failure penalties, for display. */
  readonly answers: Pick<State, 'latencyMs' | 'latencyAt'>;
}

export function newState(): State {
  return {
    consecutiveFailures: 0,
    seen: nobody(),
    timesEjected: 0,
    ejectedUntil: 0,
    onTrial: false,
    cooldownUntil: 0,
    recoveredAt: Number.NEGATIVE_INFINITY,
    inFlight: 0,
    latencyMs: 0,
    latencyAt: 0,
    answers: { latencyMs: 0, latencyAt: 0 },
  };
}

export function nobody(): Seen {
  return {
    failures: 0,
    model: null,
    credential: null,
    severalModels: false,
    severalCredentials: false,
  };
}

export function see(seen: Seen, { model, credential }: Failed): void {
  seen.failures++;
  seen.severalModels ||= seen.model !== null && seen.model !== model;
  seen.severalCredentials ||= seen.credential !== null && seen.credential !== credential;
  seen.model = model;
  seen.credential = credential;
}

export function isAvailable(state: State | undefined, now: number): boolean {
  if (!state) return true;
  if (isOut(state, now)) return false;
  const sinceRecovery = now - state.recoveredAt;
  if (state.ejectedUntil !== 0 || sinceRecovery >= slowStartMs) return true;
  return Math.random() < Math.max(slowStartMinShare, sinceRecovery / slowStartMs);
}

export function isOut(state: State | undefined, now: number): boolean {
  return (
    state !== undefined && (state.cooldownUntil > now || state.ejectedUntil > now || state.onTrial)
  );
}

export function beginTrial(state: State, now: number): void {
  if (state.ejectedUntil !== 0 && state.ejectedUntil <= now) state.onTrial = true;
}

export function recover(state: State, now: number): void {
  state.ejectedUntil = 0;
  state.onTrial = false;
  state.consecutiveFailures = 0;
  state.seen = nobody();
  state.timesEjected = 0;
  state.recoveredAt = now;
}

export function stateAt(state: State, now: number): Pick<ProviderStatus, 'state' | 'until'> {
  if (state.onTrial) return { state: 'on_trial', until: null };
  if (state.ejectedUntil > now) return { state: 'ejected', until: state.ejectedUntil };
  if (state.cooldownUntil > now) return { state: 'cooling_down', until: state.cooldownUntil };
  // The ejection has expired; the next request is the trial.
  if (state.ejectedUntil !== 0) return { state: 'on_trial', until: null };
  const soundAt = state.recoveredAt + slowStartMs;
  if (soundAt > now) return { state: 'recovering', until: soundAt };
  return { state: 'in', until: null };
}

/** A slower answer replaces the estimate at once; faster ones lower it gradually. */
export function observeLatency(state: State['answers'], latencyMs: number, now: number): void {
  const weight = Math.exp(-(now - state.latencyAt) / latencyDecayMs);
  state.latencyMs =
    latencyMs > state.latencyMs * weight
      ? latencyMs
      : state.latencyMs * weight + latencyMs * (1 - weight);
  state.latencyAt = now;
}
