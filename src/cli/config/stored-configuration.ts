import type { Problem } from '../../config/problem.js';
import type { ResolvedSecrets } from '../../config/secrets/secret-store.js';
import type { Settings } from '../../config/settings/settings.js';
import type { Sql } from '../../db/client.js';

/** The configuration as the daemon of this machine would use it. */
export type StoredConfiguration = ResolvedSecrets;

/**
 * Reads all rows and merges them with the override files of this machine.
 * @param alsoDisabled disabled providers whose keys are needed too.
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
    import('../../db/queries/configuration/read-configuration.js'),
    import('../../daemon/follow/override-files.js'),
    import('../../config/overrides.js'),
    import('../../config/merge.js'),
    import('../../config/problem.js'),
    import('../../daemon/secrets/secrets.js'),
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
  return await secrets.resolve(merged, rows, alsoDisabled);
}
