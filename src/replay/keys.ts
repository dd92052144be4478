import type { RequestKind } from '../observe/usage/usage-row.js';
import type { RoutedCredential, Snapshot } from '../routing/snapshot.js';

/** A configuration's keys as rows refer to them: by id, those of override files by name. */
export class Keys {
  readonly #byId = new Map<number, RoutedCredential>();
  readonly #byName = new Map<string, RoutedCredential>();

  constructor({ credentials }: Snapshot) {
    for (const credential of credentials.values()) {
      const { id, name } = credential;
      // Current keys win over keys before a rotation.
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
