import { isSealed, sealedUnder } from '../../config/secrets/secret-cipher.js';
import { secretParamsOf } from '../../config/secrets/secret-columns.js';
import { isReference } from '../../config/secrets/secret-reference.js';
import type { UnusableSecret } from '../../config/secrets/secret-store.js';
import type { Sql } from '../../db/client.js';
import { secretKeyInUse } from '../../db/queries/configuration/secret-key.js';
import { listProviders } from '../../db/queries/providers/list-providers.js';
import { holdsClearSecret, type Secrets } from './secrets.js';

/** The storage of providers' secrets in a database, as this machine sees it. */
export interface SecretStatus {
  /** Id of the key that new secrets are encrypted under; null before the first. */
  key_id: string | null;
  /** Ids of the keys of this machine, and where they are. */
  known_key_ids: string[];
  key_source: string;
  /** Providers by the id of the key that their key or a header is encrypted under. */
  encrypted: Record<string, string[]>;
  /** Providers whose key or one of whose headers is stored as it is. */
  clear: string[];
  references: string[];
  /** Providers whose secrets cannot be used here. */
  unusable: UnusableSecret[];
}

export async function secretStatus(sql: Sql, secrets: Secrets): Promise<SecretStatus> {
  const status: SecretStatus = {
    key_id: await secretKeyInUse(sql),
    known_key_ids: secrets.keys.ring.map(({ id }) => id),
    key_source: secrets.keys.source,
    encrypted: {},
    clear: [],
    references: [],
    unusable: [],
  };
  for (const row of await listProviders(sql)) {
    const { provider_key, api_key } = row;
    if (isReference(api_key)) status.references.push(provider_key);
    if (holdsClearSecret(row)) status.clear.push(provider_key);
    const sealed = [api_key, ...secretParamsOf(row).values()].filter(isSealed);
    for (const under of new Set(sealed.map((stored) => sealedUnder(stored) ?? 'unknown'))) {
      const others = status.encrypted[under] ?? [];
      status.encrypted[under] = [...others, provider_key];
    }
    try {
      await secrets.reveal(row);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      status.unusable.push({ provider: provider_key, reason });
    }
  }
  return status;
}
