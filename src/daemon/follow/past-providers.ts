import type { Configuration, Provider } from '../../config/configuration.js';

const maxVersions = 20;

/** The providers of the last few configurations, to explain requests that used them. */
export class PastProviders {
  readonly #byVersion = new Map<number, readonly Provider[]>();

  add({ version, providers }: Configuration): void {
    this.#byVersion.delete(version);
    this.#byVersion.set(version, providers);
    for (const oldest of this.#byVersion.keys()) {
      if (this.#byVersion.size <= maxVersions) break;
      this.#byVersion.delete(oldest);
    }
  }

  /** Null if that version is no longer kept. */
  of(version: number): readonly Provider[] | null {
    return this.#byVersion.get(version) ?? null;
  }
}
