import type { Settings } from '../../config/settings/settings-types.js';

/** The data plane needs neither admin keys, the database, collectors, nor keys to decrypt with. */
export function settingsWithoutSecrets(settings: Settings): Settings {
  const { admin, database, fleet, secrets, traces, usage } = settings;
  return {
    ...settings,
    usage: { ...usage, export: { ...usage.export, headers: {} } },
    admin: { ...admin, key: null, keys: [] },
    database: { ...database, url: null, listen_url: null },
    secrets: { ...secrets, key: null, key_file: null },
    traces: { ...traces, headers: {} },
    fleet: { ...fleet, valkey_url: null },
  };
}
