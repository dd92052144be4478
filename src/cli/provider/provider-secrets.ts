import type { ShownSecrets } from '../../config/secret-store.js';
import type { Settings } from '../../config/settings-schema.js';
import type { Secrets } from '../../daemon/secrets/secrets.js';
import type { ProviderRow } from '../../db/queries/rows.js';

/** A provider for display, with its secrets masked; references are shown. */
export type ShownProvider = Omit<ProviderRow, 'api_key'> & ShownSecrets;

/** Opens this machine's encryption keys for a command; only the first write creates a key. */
export async function openSecrets(settings: Settings): Promise<Secrets> {
  const { Secrets: Store } = await import('../../daemon/secrets/secrets.js');
  return await Store.open(settings);
}

export function shown(secrets: Secrets, row: ProviderRow): ShownProvider {
  const { api_key, ...columns } = row;
  return { ...columns, ...secrets.shown(row) };
}
