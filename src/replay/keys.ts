import type { RequestKind } from '../observe/usage/usage-row.js';
import type { RoutedCredential, Snapshot } from '../routing/snapshot.js';

/** The keys of a configuration as rows name them: by id, those of override files by name. */
export class Keys {
  readonly #byId = new Map<number, RoutedCredential>();
  readonly #byName = new Map<string, RoutedCredential>();

  constructor({ credentials }: Snapshot) {
    for (const credential of credentials.values()) {
      const { id, name } = credential;
      // A key before a rotation comes after the present one.
      if (id === null) {
        if (!this.#byName.has(name)) this.#byName.set(name, credential);
      } else if (!this.#byId.has(id)) this.#byId.set(id, credential);
    }
  }

  of({ credential_id, credential_name }: RequestKind): RoutedCredential | undefined {
    if (credential_id === null) return this.#byName.get(credential_name);
    return this.#byId.get(credential_id);
  }
}
