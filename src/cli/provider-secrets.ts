import type { Settings } from '../config/settings-schema.js';
import type { Secrets } from '../daemon/secrets.js';
import type { ProviderRow } from '../db/queries/rows.js';

/** A provider as it may be shown: of its key a preview, or the reference that it is. */
export interface ShownProvider extends Omit<ProviderRow, 'api_key'> {
  api_key_preview: string;
}

/** The keys of this machine, for a command; a new one is made only by the first write. */
export async function openSecrets(settings: Settings): Promise<Secrets> {
  const { Secrets: Store } = await import('../daemon/secrets.js');
  return await Store.open(settings);
}

export function shown(secrets: Secrets, { api_key, ...row }: ProviderRow): ShownProvider {
  return { ...row, api_key_preview: secrets.preview(row.provider_key, api_key) };
}
