import type { Settings } from '../../config/settings/settings-types.js';
import type { Secrets } from '../../daemon/secrets/secrets.js';

/** Opens this machine's encryption keys for a command; only the first write creates a key. */
export async function openSecrets(settings: Settings): Promise<Secrets> {
  const { Secrets: Store } = await import('../../daemon/secrets/secrets.js');
  return await Store.open(settings);
}
