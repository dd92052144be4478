import type { Configuration } from '../config/configuration.js';
import type { Problem } from '../config/problem.js';
import type { UnusableSecret } from '../config/secret-store.js';
import type { Settings } from '../config/settings.js';
import type { Sql } from '../db/client.js';
import { errorMessage } from './failure.js';

/** The configuration as the daemon of this machine would use it. */
export interface StoredConfiguration {
  configuration: Configuration;
  /** Providers whose keys cannot be read. */
  unusable: UnusableSecret[];
  /** Providers whose keys are stored as they are. */
  inClear: string[];
}

/**
 * Reads all rows, and the override files of this machine on top of them.
 * @param alsoDisabled providers whose keys are wanted though they are disabled.
 * @throws ConfigError naming each problem.
 */
export async function readStoredConfiguration(
  sql: Sql,
  settings: Settings,
  alsoDisabled: readonly string[] = [],
): Promise<StoredConfiguration> {
  const [
    { readConfiguration },
    { readOverrideFiles },
    { parseOverride },
    { mergeConfiguration },
    { ConfigError },
    { Secrets },
  ] = await Promise.all([
    import('../db/queries/read-configuration.js'),
    import('../daemon/override-files.js'),
    import('../config/overrides.js'),
    import('../config/merge.js'),
    import('../config/problem.js'),
    import('../daemon/secrets.js'),
  ]);
  const [rows, files] = await Promise.all([
    readConfiguration(sql),
    readOverrideFiles(settings.overrides_dir ?? ''),
  ]);
  const problems: Problem[] = [];
  const overrides = files.map((file) => parseOverride(file, problems));
  if (problems.length > 0) throw new ConfigError(problems);
  const merged = mergeConfiguration(rows, overrides);
  const secrets = await Secrets.open(settings);
  const { configuration, unusable, inClear } = await secrets.resolve(merged);
  for (const provider of configuration.providers) {
    const { provider_key, is_enabled, api_key } = provider;
    if (is_enabled || !alsoDisabled.includes(provider_key)) continue;
    if (unusable.some((each) => each.provider === provider_key)) continue;
    try {
      provider.api_key = await secrets.reveal(provider_key, api_key);
    } catch (error) {
      unusable.push({ provider: provider_key, reason: errorMessage(error) });
    }
  }
  return { configuration, unusable, inClear };
}
