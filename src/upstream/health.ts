import type { ProviderStatus } from '../observe/gateway-state.js';
import {
  beginTrial,
  type Failed,
  isAvailable,
  isOut,
  latencyDecayMs,
  newState,
  nobody,
  observeLatency,
  recover,
  type State,
  see,
  slowStartMs,
  stateAt,
} from './health-state.js';

/** Failures in a row after which a provider is taken out. */
const failuresToEject = 5;
/**
 * Duration of an ejection: this times the number in a row, up to the bound. Like Envoy's outlier
 * detection, with shorter times: a trial costs one request one attempt, so a provider that has
 * recovered is back within the bound.
 */
const baseEjectionMs = 5_000;
const maxEjectionMs = 30_000;

/** A failure counts as an answer that took this long, so that failing fast attracts nothing. */
const failurePenaltyMs = 5_000;
/** The longest cooldown that a provider's Retry-After can ask for. */
const maxCooldownMs = 60_000;

/** Maximum models remembered per provider: clients choose names. */
const maxModels = 1_000;

/** An ejection, as announced by one worker to the others. Times are wall clock. */
export interface Ejection {
  provider: string;
  /** The model's name as sent; null: the whole provider. */
  model: string | null;
  /** Null: it is back. */
  until: number | null;
  /** Number of ejections in a row. */
  times: number;
}

/**
 * A worker's view of its providers' health and load, by provider key, and of the models that
 * fail at one by the name that is sent. It lives beside the snapshots: a reload forgets nothing.
 *
 * A failure takes out the model that was asked: what one client asks of one model must not take a
 * provider from all others. A provider is out when it cannot be reached, or when several models fail
 * for several keys.
 *
 * A provider, or a model of it, is in (healthy, or in slow start after it came back), cooling down (it said for how
 * long), ejected (nothing is sent), or on trial (the ejection is over and one request finds out).
 */
export class Health {
  readonly #states = new Map<string, State>();
  /** Failures of single models. */
  readonly #models = new Map<string, Map<string, State>>();
  readonly #announce: (ejection: Ejection) => void;

  /** @param announce tells the other workers. */
  constructor(announce: (ejection: Ejection) => void) {
    this.#announce = announce;
  }

  /** True if a request may be sent to it now: while it recovers, only some may. */
  isAvailable(provider: string, now: number, model?: string): boolean {
    return (
      isAvailable(this.#states.get(provider), now) && isAvailable(this.#of(provider, model), now)
    );
  }

  /** True if it, or this model of it, is cooling down, ejected or on trial. */
  isOut(provider: string, now: number, model?: string): boolean {
    return isOut(this.#states.get(provider), now) || isOut(this.#of(provider, model), now);
  }

  /** True if its last answer was good, or if nothing is known about it. */
  isSound(provider: string): boolean {
    return (this.#states.get(provider)?.consecutiveFailures ?? 0) === 0;
  }

  /** True if it, or every model requested since, is ejected, until a request succeeds. */
  isEjected(provider: string): boolean {
    const state = this.#states.get(provider);
    if (!state) return false;
    return [state, ...this.#failing(provider, state)].some(
      ({ ejectedUntil }) => ejectedUntil !== 0,
    );
  }

  inFlight(provider: string): number {
    return this.#states.get(provider)?.inFlight ?? 0;
  }

  /** The estimated time to an answer; 0 without one. */
  latencyMs(provider: string): number {
    return this.#states.get(provider)?.latencyMs ?? 0;
  }

  /** Peak EWMA of the time to the answer, times requests in flight (Finagle, tower). */
  cost(provider: string, now: number): number {
    const state = this.#states.get(provider);
    if (!state) return 0;
    // Unknown and busy counts as slow: otherwise a provider that hangs from its start would attract
    // all requests.
    if (state.latencyMs === 0 && state.inFlight > 0) return failurePenaltyMs * (state.inFlight + 1);
    const decayed = state.latencyMs * Math.exp(-(now - state.latencyAt) / latencyDecayMs);
    return decayed * (state.inFlight + 1);
  }

  /** Health of every known provider, by key. */
  statuses(now: number): Record<string, ProviderStatus> {
    const statuses: Record<string, ProviderStatus> = {};
    for (const [provider, state] of this.#states) {
      const { inFlight, consecutiveFailures: failures } = state;
      const { latencyMs } = state.answers;
      const worst = [state, ...this.#failing(provider, state)]
        .map((each) => stateAt(each, now))
        .reduce((a, b) => (severity.indexOf(b.state) > severity.indexOf(a.state) ? b : a));
      statuses[provider] = { ...worst, inFlight, failures, latencyMs };
    }
    return statuses;
  }

  /** A request is sent to it. */
  started(provider: string, now: number, model?: string): void {
    const state = this.#state(provider);
    state.inFlight++;
    beginTrial(state, now);
    const ofModel = this.#of(provider, model);
    if (ofModel) beginTrial(ofModel, now);
  }

  /** That request is over. */
  ended(provider: string): void {
    this.#state(provider).inFlight--;
  }

  succeeded(provider: string, latencyMs: number, now: number, model?: string): void {
    const state = this.#state(provider);
    state.consecutiveFailures = 0;
    if (state.seen.failures > 0) state.seen = nobody();
    observeLatency(state, latencyMs, now);
    observeLatency(state.answers, latencyMs, now);
    if (state.ejectedUntil !== 0) {
      recover(state, now);
      this.#announce({ provider, model: null, until: null, times: 0 });
    }
    const ofModel = this.#of(provider, model);
    if (!ofModel || model === undefined) return;
    ofModel.consecutiveFailures = 0;
    if (ofModel.ejectedUntil !== 0) {
      recover(ofModel, now);
      this.#announce({ provider, model, until: null, times: 0 });
    } else if (ofModel.recoveredAt + slowStartMs < now) this.#models.get(provider)?.delete(model);
  }

  /**
   * @param retryAfterMs the provider's request, accepted up to a minute.
   * @param failed null: the provider as a whole.
   */
  failed(
    provider: string,
    retryAfterMs: number | null,
    now: number,
    failed: Failed | null = null,
  ): void {
    const state = this.#state(provider);
    const { scope, model } = failed ?? { scope: 'provider', model: '' };
    if (failed) see(state.seen, failed);
    if (scope !== 'account') {
      const cooldownMs = Math.min(retryAfterMs ?? 0, maxCooldownMs);
      state.consecutiveFailures++;
      observeLatency(state, Math.max(failurePenaltyMs, cooldownMs), now);
      const out = scope === 'model' ? this.#ofNew(provider, model, now) : state;
      if (scope === 'model') out.consecutiveFailures++;
      out.cooldownUntil = Math.max(out.cooldownUntil, now + cooldownMs);
      if (scope === 'model') {
        this.#count(provider, model, out, out.consecutiveFailures >= failuresToEject, now);
      }
    } else this.#endTrial(provider, model);
    const { failures, severalModels, severalCredentials } = state.seen;
    const isSeenBySeveral = severalModels && severalCredentials && failures >= failuresToEject;
    const isWhole = scope === 'provider' && state.consecutiveFailures >= failuresToEject;
    this.#count(provider, null, state, isSeenBySeveral || isWhole, now);
  }

  /** The trial, or any request, ended without a verdict: the client left. */
  undecided(provider: string, model?: string): void {
    this.#state(provider).onTrial = false;
    if (model !== undefined) this.#endTrial(provider, model);
  }

  /** Adopts another worker's finding. */
  learn({ provider, model, until, times }: Ejection, now: number): void {
    if (until === null) {
      const state = model === null ? this.#states.get(provider) : this.#of(provider, model);
      if (state && state.ejectedUntil !== 0) recover(state, now);
      return;
    }
    const state = model === null ? this.#state(provider) : this.#ofNew(provider, model, now);
    state.ejectedUntil = until;
    state.timesEjected = times;
    state.onTrial = false;
  }

  /** Ejects it after enough failures, or after a failed trial. */
  #count(provider: string, model: string | null, state: State, isMuch: boolean, now: number): void {
    const wasOnTrial = state.onTrial;
    state.onTrial = false;
    if (!wasOnTrial && (state.ejectedUntil > now || !isMuch)) return;
    state.timesEjected++;
    state.ejectedUntil = now + Math.min(maxEjectionMs, baseEjectionMs * state.timesEjected);
    const { ejectedUntil: until, timesEjected: times } = state;
    this.#announce({ provider, model, until, times });
  }

  #endTrial(provider: string, model: string): void {
    const state = this.#of(provider, model);
    if (state) state.onTrial = false;
  }

  #of(provider: string, model: string | undefined): State | undefined {
    return model === undefined ? undefined : this.#models.get(provider)?.get(model);
  }

  #ofNew(provider: string, model: string, now: number): State {
    let models = this.#models.get(provider);
    if (!models) {
      models = new Map();
      this.#models.set(provider, models);
    }
    let state = models.get(model);
    if (!state) {
      if (models.size >= maxModels) {
        for (const [name, each] of models) if (!isOut(each, now)) models.delete(name);
        // If all of them are out, the oldest entry is replaced.
        const [oldest] = models.keys();
        if (models.size >= maxModels && oldest !== undefined) models.delete(oldest);
      }
      state = newState();
      models.set(model, state);
    }
    return state;
  }

  /** The failing models, if no model of the provider has answered well since. */
  #failing(provider: string, { consecutiveFailures }: State): State[] {
    return consecutiveFailures === 0 ? [] : [...(this.#models.get(provider)?.values() ?? [])];
  }

  #state(provider: string): State {
    let state = this.#states.get(provider);
    if (!state) {
      state = newState();
      this.#states.set(provider, state);
    }
    return state;
  }
}

/** From the best to the worst. */
const severity: readonly ProviderStatus['state'][] = [
  'in',
  'recovering',
  'cooling_down',
  'on_trial',
  'ejected',
];
