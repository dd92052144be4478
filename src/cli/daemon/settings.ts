import type { ResolvedSettings, Settings, SettingsFlags } from '../../config/settings/settings.js';
import { becomeOwner } from '../database/become-owner.js';
import { CliError, errorMessage } from '../failure.js';
import { warn } from '../output.js';

const resolved = new Map<string, ResolvedSettings>();

/**
 * The settings of a command that is about to use the data directory. A command started by root
 * switches to the owner of that directory first, so that nothing in it can misuse root's rights.
 * @throws SettingsError, or CliError where root must not use the directory.
 */
export async function resolveForUse(
  flags: SettingsFlags,
  json?: boolean,
): Promise<ResolvedSettings> {
  const name = JSON.stringify(flags);
  // Read only once: after the switch of user, files and defaults may differ.
  const known = resolved.get(name);
  if (known) return known;
  const { resolveSettings } = await import('../../config/settings/settings.js');
  const found = resolveSettings(flags);
  await checkDbUrls(found);
  for (const file of found.ignored) {
    warn(
      `${file} is not read: others than root can change it. Name a file with --config, or set variables`,
      json,
    );
  }
  if (process.getuid?.() === 0)
    await (await import('../../daemon/secrets/secret-key.js')).readAsRoot(found.settings);
  await becomeOwner(found.settings.data_dir);
  resolved.set(name, found);
  return found;
}

/** Names the place of a database URL that is none. */
async function checkDbUrls({ settings: { database }, sources }: ResolvedSettings): Promise<void> {
  const { parseDbUrl } = await import('../../db/db-url.js');
  for (const name of ['url', 'listen_url'] as const) {
    const url = database[name];
    try {
      if (url !== null) parseDbUrl(url);
    } catch (error) {
      const source = sources.get(`database.${name}`);
      throw new CliError(`${source}: ${errorMessage(error)}`, {
        exitCode: 2,
        hint: 'see: docs/deployment.md',
      });
    }
  }
}

/** Like `resolveForUse`, without the sources of settings. */
export async function settingsForUse(flags: SettingsFlags, json?: boolean): Promise<Settings> {
  return (await resolveForUse(flags, json)).settings;
}
