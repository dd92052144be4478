import type { GatewayEvent } from '../observe/event.js';
import type { Ejection } from '../upstream/health.js';

/** The providers that are ejected now, for workers that start later. */
export class Ejections {
  readonly #byProvider = new Map<string, Ejection>();

  get all(): Ejection[] {
    return [...this.#byProvider.values()];
  }

  of(provider: string): Ejection | null {
    return this.#byProvider.get(provider) ?? null;
  }

  /** @returns the event to emit. */
  apply(ejection: Ejection): GatewayEvent {
    const { provider, until } = ejection;
    if (until === null) {
      this.#byProvider.delete(provider);
      return { type: 'provider_recovered', provider };
    }
    this.#byProvider.set(provider, ejection);
    return { type: 'provider_ejected', provider, forMs: until - Date.now() };
  }
}
