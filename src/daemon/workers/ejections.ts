import type { GatewayEvent } from '../../observe/event.js';
import type { Ejection } from '../../upstream/health.js';

/** The providers and models that are ejected now, for workers that start later. */
export class Ejections {
  readonly #byTarget = new Map<string, Ejection>();

  get all(): Ejection[] {
    return [...this.#byTarget.values()];
  }

  /** Ejections of a provider and of its models. */
  of(provider: string): Ejection[] {
    return this.all.filter((ejection) => ejection.provider === provider);
  }

  /** @returns the event to emit. */
  apply(ejection: Ejection): GatewayEvent {
    const { provider, model, until } = ejection;
    const target = JSON.stringify([provider, model]);
    if (until === null) {
      this.#byTarget.delete(target);
      const stillOut = this.of(provider).length > 0;
      return { type: 'provider_recovered', provider, model, stillOut };
    }
    this.#byTarget.set(target, ejection);
    return { type: 'provider_ejected', provider, model, forMs: until - Date.now() };
  }
}
