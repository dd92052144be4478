import type { Provider } from '../../config/configuration.js';
import type { ProviderStatus, WorkerState } from '../../observe/gateway-state.js';

/** A provider's current state over all workers; the field names are those of the API. */
export interface ProviderState {
  /**
   * `partly_out`: not used by some workers, which found it overloaded. `full`: at its maximum of
   * concurrent requests. `key_unusable`: disabled because its key cannot be decrypted or found.
   */
  state:
    | 'available'
    | 'recovering'
    | 'partly_out'
    | 'cooling_down'
    | 'ejected'
    | 'on_trial'
    | 'full'
    | 'disabled'
    | 'key_unusable';
  /** End of the state where known; ISO 8601. */
  until: string | null;
  in_flight: number;
  max_concurrency: number | null;
  /** Estimated time to an answer, of the worker with the highest estimate; null where unknown. */
  latency_ms: number | null;
}

/**
 * Combines the last reports of the serving workers on a provider.
 * @param unusable providers treated as disabled because of their keys.
 */
export function providerState(
  provider: Provider,
  workers: readonly WorkerState[],
  unusable: ReadonlyMap<string, string>,
  nowMs: number,
): ProviderState {
  const seen = workers.flatMap(({ status }) => status?.providers[provider.provider_key] ?? []);
  const inFlight = seen.reduce((sum, status) => sum + status.inFlight, 0);
  const latencyMs = Math.max(0, ...seen.map((status) => status.latencyMs));
  const capacity = provider.provider_params.max_concurrency ?? null;
  const worst = seen
    .map((status) => ({ ...status, state: stateAt(status, nowMs) }))
    .sort((a, b) => severity.indexOf(b.state) - severity.indexOf(a.state))[0];
  const out = seen.filter((status) => isOut(stateAt(status, nowMs))).length;
  return {
    state: unusable.has(provider.provider_key)
      ? 'key_unusable'
      : overall(provider, worst?.state ?? 'in', out, workers.length, inFlight),
    until: worst?.until && worst.until > nowMs ? new Date(worst.until).toISOString() : null,
    in_flight: inFlight,
    max_concurrency: capacity,
    latency_ms: latencyMs === 0 ? null : Math.round(latencyMs),
  };
}

/** True where at least some requests are sent to it. */
export function isUsable({ state }: ProviderState): boolean {
  return state === 'available' || state === 'recovering' || state === 'partly_out';
}

type State = ProviderStatus['state'];

const severity: readonly State[] = ['in', 'recovering', 'cooling_down', 'on_trial', 'ejected'];

function isOut(state: State): boolean {
  return state === 'cooling_down' || state === 'on_trial' || state === 'ejected';
}

/** Workers report once a second: a state that has ended since the report is over. */
function stateAt({ state, until }: ProviderStatus, nowMs: number): State {
  if (until === null || until > nowMs) return state;
  return state === 'ejected' ? 'on_trial' : 'in';
}

function overall(
  { is_enabled, provider_params }: Provider,
  worst: State,
  out: number,
  workers: number,
  inFlight: number,
): ProviderState['state'] {
  if (!is_enabled) return 'disabled';
  if (worst === 'ejected' || worst === 'on_trial') return worst;
  if (worst === 'cooling_down') return out < workers ? 'partly_out' : 'cooling_down';
  const { max_concurrency: capacity } = provider_params;
  if (capacity !== undefined && inFlight >= capacity) return 'full';
  return worst === 'recovering' ? 'recovering' : 'available';
}
