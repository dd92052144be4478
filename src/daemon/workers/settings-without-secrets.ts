import { withoutSecrets } from '../../config/settings/secret-settings.js';
import type { Settings } from '../../config/settings/settings-types.js';

/** The data plane needs no secret of the settings but the proxies, which may name a password. */
const needed = ['upstream.https_proxy', 'upstream.http_proxy'];

export function settingsWithoutSecrets(settings: Settings): Settings {
  const { secrets, ...others } = withoutSecrets(settings, needed);
  return { ...others, secrets: { ...secrets, key_file: null } };
}
