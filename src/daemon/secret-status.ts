import { isSealed, sealedUnder } from '../config/secret-cipher.js';
import { isReference } from '../config/secret-reference.js';
import type { UnusableSecret } from '../config/secret-store.js';
import type { Sql } from '../db/client.js';
import { listProviders } from '../db/queries/list-providers.js';
import { secretKeyInUse } from '../db/queries/secret-key.js';
import type { Secrets } from './secrets.js';

/** How the providers' keys of a database are stored, as this machine sees them. */
export interface SecretStatus {
  /** Id of the key that new secrets are encrypted under; null before the first. */
  key_id: string | null;
  /** Ids of the keys of this machine, and where they are. */
  known_key_ids: string[];
  key_source: string;
  /** Providers by the id of the key that theirs are encrypted under. */
  encrypted: Record<string, string[]>;
  clear: string[];
  references: string[];
  /** Providers whose keys cannot be used here. */
  unusable: UnusableSecret[];
}

export async function secretStatus(sql: Sql, secrets: Secrets): Promise<SecretStatus> {
  const status: SecretStatus = {
    key_id: await secretKeyInUse(sql),
    known_key_ids: secrets.ring.map(({ id }) => id),
    key_source: secrets.keys.source,
    encrypted: {},
    clear: [],
    references: [],
    unusable: [],
  };
  for (const { provider_key, api_key } of await listProviders(sql)) {
    if (isReference(api_key)) status.references.push(provider_key);
    else if (!isSealed(api_key)) status.clear.push(provider_key);
    else {
      const under = sealedUnder(api_key) ?? 'unknown';
      const others = status.encrypted[under] ?? [];
      status.encrypted[under] = [...others, provider_key];
    }
    try {
      await secrets.reveal(provider_key, api_key);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      status.unusable.push({ provider: provider_key, reason });
    }
  }
  return status;
}
