import type { StrategyName } from '../config/settings/settings-types.js';
import type { ReplayedRow } from '../observe/usage/usage-row.js';
import type { ProviderStates } from '../routing/plan.js';
import type { Candidate } from '../routing/snapshot.js';
import type { Agenda } from './agenda.js';
import type { ProviderShare } from './sums.js';

interface State {
  inFlight: number;
  answers: number;
  /** Sum over the answers. */
  upstreamMs: number;
}

/**
 * Provider states during a replay: all healthy, each with its average latency so far. Load is
 * tracked only for strategies that use it.
 */
export class ReplayedStates implements ProviderStates {
  readonly #looksAtLoad: boolean;
  readonly #agenda: Agenda;
  readonly #states = new Map<string, State>();
  readonly #all: State = newState();

  constructor(strategy: StrategyName, agenda: Agenda) {
    this.#looksAtLoad = strategy === 'latency' || strategy === 'least_busy';
    this.#agenda = agenda;
  }

  isAvailable(): boolean {
    return true;
  }

  isOut(): boolean {
    return false;
  }

  inFlight(provider: string): number {
    return this.#states.get(provider)?.inFlight ?? 0;
  }

  cost(provider: string): number {
    const state = this.#of(provider);
    const { answers, upstreamMs } = state.answers > 0 ? state : this.#all;
    return (answers === 0 ? 0 : upstreamMs / answers) * (state.inFlight + 1);
  }

  sent({ provider: { key } }: Candidate, _nowMs: number, endMs: number): void {
    if (!this.#looksAtLoad) return;
    const state = this.#of(key);
    state.inFlight++;
    this.#agenda.add(endMs, () => {
      state.inFlight--;
    });
  }

  answered({ kind: { provider, status }, upstream_ms }: ReplayedRow): void {
    if (provider === null || status >= 400) return;
    for (const state of [this.#of(provider), this.#all]) {
      state.answers++;
      state.upstreamMs += upstream_ms;
    }
  }

  /** Providers that would answer requests but have no history. */
  withoutHistory(providers: readonly ProviderShare[]): string[] {
    return providers
      .filter(({ provider, after }) => after > 0 && !this.#states.get(provider)?.answers)
      .map(({ provider }) => provider);
  }

  #of(provider: string): State {
    let state = this.#states.get(provider);
    if (!state) {
      state = newState();
      this.#states.set(provider, state);
    }
    return state;
  }
}

function newState(): State {
  return { inFlight: 0, answers: 0, upstreamMs: 0 };
}
