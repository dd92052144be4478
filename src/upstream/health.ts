import type { ProviderStatus } from '../observe/metrics-state.js';

/** Failures in a row after which a provider is taken out. */
const failuresToEject = 5;
/**
 * How long: this times the number of times in a row, up to the bound (Envoy's outlier detection,
 * with shorter times: a trial costs one request one attempt, so a provider that has recovered is
 * back within the bound).
 */
const baseEjectionMs = 5_000;
const maxEjectionMs = 30_000;
/** A provider that is back gets its full share only after this time. */
const slowStartMs = 20_000;
const slowStartMinShare = 0.1;
/** Time constant of the latency estimate. */
const latencyDecayMs = 10_000;
/** A failure counts as an answer that took this long, so that failing fast attracts nothing. */
const failurePenaltyMs = 5_000;
/** The longest cooldown that a provider's Retry-After can ask for. */
const maxCooldownMs = 60_000;

/** That a provider is taken out, as one worker tells the others. Times are wall clock. */
export interface Ejection {
  provider: string;
  /** Null: it is back. */
  until: number | null;
  /** How many times in a row. */
  times: number;
}

interface State {
  consecutiveFailures: number;
  timesEjected: number;
  /** Wall clock, ms; 0 when it is not ejected. */
  ejectedUntil: number;
  /** Whether one request is under way to see if it has recovered. */
  onTrial: boolean;
  cooldownUntil: number;
  recoveredAt: number;
  inFlight: number;
  latencyMs: number;
  latencyAt: number;
}

/**
 * What a worker knows of its providers' health and load, by provider key. It lives beside the
 * snapshots: a reload forgets nothing.
 *
 * A provider is in (healthy, or in slow start after it came back), cooling down (it said for how
 * long), ejected (nothing is sent), or on trial (the ejection is over and one request finds out).
 */
export class Health {
  readonly #states = new Map<string, State>();
  readonly #announce: (ejection: Ejection) => void;

  /** @param announce tells the other workers. */
  constructor(announce: (ejection: Ejection) => void) {
    this.#announce = announce;
  }

  /** Whether a request may be sent to it now: while it is coming back, only to some. */
  isAvailable(provider: string, now: number): boolean {
    const state = this.#states.get(provider);
    if (!state) return true;
    if (this.isOut(provider, now)) return false;
    const sinceRecovery = now - state.recoveredAt;
    if (state.ejectedUntil !== 0 || sinceRecovery >= slowStartMs) return true;
    return Math.random() < Math.max(slowStartMinShare, sinceRecovery / slowStartMs);
  }

  /** Whether it is cooling down, ejected or on trial. */
  isOut(provider: string, now: number): boolean {
    const state = this.#states.get(provider);
    return (
      state !== undefined &&
      (state.cooldownUntil > now || state.ejectedUntil > now || state.onTrial)
    );
  }

  /** Whether its last answer was a good one; so is a provider of which nothing is known. */
  isSound(provider: string): boolean {
    return (this.#states.get(provider)?.consecutiveFailures ?? 0) === 0;
  }

  /** Whether it is taken out, until a request to it has succeeded. */
  isEjected(provider: string): boolean {
    return (this.#states.get(provider)?.ejectedUntil ?? 0) !== 0;
  }

  inFlight(provider: string): number {
    return this.#states.get(provider)?.inFlight ?? 0;
  }

  /** The estimate of its time to an answer; 0 when there is none. */
  latencyMs(provider: string): number {
    return this.#states.get(provider)?.latencyMs ?? 0;
  }

  /** Peak EWMA of the time to the answer, times what is under way (Finagle, tower). */
  cost(provider: string, now: number): number {
    const state = this.#states.get(provider);
    if (!state) return 0;
    // Not yet known, and busy: taken for slow, or one that hangs from its start would get all.
    if (state.latencyMs === 0 && state.inFlight > 0) return failurePenaltyMs * (state.inFlight + 1);
    const decayed = state.latencyMs * Math.exp(-(now - state.latencyAt) / latencyDecayMs);
    return decayed * (state.inFlight + 1);
  }

  /** How each provider is that something is known of, by its key. */
  statuses(now: number): Record<string, ProviderStatus> {
    const statuses: Record<string, ProviderStatus> = {};
    for (const [provider, state] of this.#states) {
      const { inFlight, consecutiveFailures: failures, latencyMs } = state;
      statuses[provider] = { ...stateAt(state, now), inFlight, failures, latencyMs };
    }
    return statuses;
  }

  /** A request is sent to it. */
  started(provider: string, now: number): void {
    const state = this.#state(provider);
    state.inFlight++;
    if (state.ejectedUntil !== 0 && state.ejectedUntil <= now) state.onTrial = true;
  }

  /** That request is over. */
  ended(provider: string): void {
    this.#state(provider).inFlight--;
  }

  succeeded(provider: string, latencyMs: number, now: number): void {
    const state = this.#state(provider);
    state.consecutiveFailures = 0;
    observeLatency(state, latencyMs, now);
    if (state.ejectedUntil === 0) return;
    this.#recover(state, now);
    this.#announce({ provider, until: null, times: 0 });
  }

  /** @param retryAfterMs what the provider asked for; it is believed up to a minute. */
  failed(provider: string, retryAfterMs: number | null, now: number): void {
    const state = this.#state(provider);
    const cooldownMs = Math.min(retryAfterMs ?? 0, maxCooldownMs);
    state.consecutiveFailures++;
    observeLatency(state, Math.max(failurePenaltyMs, cooldownMs), now);
    state.cooldownUntil = Math.max(state.cooldownUntil, now + cooldownMs);
    const wasOnTrial = state.onTrial;
    state.onTrial = false;
    if (!wasOnTrial && state.ejectedUntil > now) return;
    if (!wasOnTrial && state.consecutiveFailures < failuresToEject) return;
    state.timesEjected++;
    state.ejectedUntil = now + Math.min(maxEjectionMs, baseEjectionMs * state.timesEjected);
    this.#announce({ provider, until: state.ejectedUntil, times: state.timesEjected });
  }

  /** The trial, or any request, ended without telling: the client left. */
  undecided(provider: string): void {
    this.#state(provider).onTrial = false;
  }

  /** What another worker has found. */
  learn({ provider, until, times }: Ejection, now: number): void {
    const state = this.#state(provider);
    if (until === null) {
      if (state.ejectedUntil !== 0) this.#recover(state, now);
      return;
    }
    state.ejectedUntil = until;
    state.timesEjected = times;
    state.onTrial = false;
  }

  #recover(state: State, now: number): void {
    state.ejectedUntil = 0;
    state.onTrial = false;
    state.consecutiveFailures = 0;
    state.timesEjected = 0;
    state.recoveredAt = now;
  }

  #state(provider: string): State {
    let state = this.#states.get(provider);
    if (!state) {
      state = {
        consecutiveFailures: 0,
        timesEjected: 0,
        ejectedUntil: 0,
        onTrial: false,
        cooldownUntil: 0,
        recoveredAt: Number.NEGATIVE_INFINITY,
        inFlight: 0,
        latencyMs: 0,
        latencyAt: 0,
      };
      this.#states.set(provider, state);
    }
    return state;
  }
}

function stateAt(state: State, now: number): Pick<ProviderStatus, 'state' | 'until'> {
  if (state.onTrial) return { state: 'on_trial', until: null };
  if (state.ejectedUntil > now) return { state: 'ejected', until: state.ejectedUntil };
  if (state.cooldownUntil > now) return { state: 'cooling_down', until: state.cooldownUntil };
  // The ejection is over, and the next request is its trial.
  if (state.ejectedUntil !== 0) return { state: 'on_trial', until: null };
  const soundAt = state.recoveredAt + slowStartMs;
  if (soundAt > now) return { state: 'recovering', until: soundAt };
  return { state: 'in', until: null };
}

/** A slower answer replaces the estimate at once; faster ones lower it little by little. */
function observeLatency(state: State, latencyMs: number, now: number): void {
  const weight = Math.exp(-(now - state.latencyAt) / latencyDecayMs);
  state.latencyMs =
    latencyMs > state.latencyMs * weight
      ? latencyMs
      : state.latencyMs * weight + latencyMs * (1 - weight);
  state.latencyAt = now;
}
