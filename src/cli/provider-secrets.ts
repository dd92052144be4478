import type { ShownSecrets } from '../config/secret-store.js';
import type { Settings } from '../config/settings-schema.js';
import type { Secrets } from '../daemon/secrets.js';
import type { ProviderRow } from '../db/queries/rows.js';

/** A provider as it may be shown: of its secrets previews, or the reference that its key is. */
export type ShownProvider = Omit<ProviderRow, 'api_key'> & ShownSecrets;

/** The keys of this machine, for a command; a new one is made only by the first write. */
export async function openSecrets(settings: Settings): Promise<Secrets> {
  const { Secrets: Store } = await import('../daemon/secrets.js');
  return await Store.open(settings);
}

export function shown(secrets: Secrets, row: ProviderRow): ShownProvider {
  const { api_key, ...columns } = row;
  return { ...columns, ...secrets.shown(row) };
}
