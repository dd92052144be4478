import type { Configuration } from './configuration.js';
import { didYouMean } from './nearest.js';
import type { Selectors } from './rows/budget.js';

/** A row that names keys, teams or providers, such as a budget, a price or a canary. */
export interface NamesOthers {
  applies_to?: Pick<Selectors, 'key' | 'team' | 'provider'>;
  provider?: string | null;
  provider_key?: string | null;
  from_provider?: string | null;
  to_provider?: string | null;
}

type Named = Pick<Configuration, 'providers' | 'credentials' | 'teams'>;

/**
 * The names in a row that the configuration lacks, without which it does nothing: a message for each.
 * Users, tags and models need not be known. A provider that is to be asked must be enabled.
 */
export function absentNames(row: NamesOthers, { providers, credentials, teams }: Named): string[] {
  const { key, team, provider } = row.applies_to ?? {};
  const absent = (kind: string, written: string | null | undefined, names: () => string[]) => {
    if (written == null) return [];
    const known = names();
    if (known.includes(written)) return [];
    return [`there is no ${kind} "${written}"${didYouMean(written, known)}`];
  };
  const keysOf = (rows: Named['providers']) => rows.map(({ provider_key }) => provider_key);
  const enabled = () => keysOf(providers.filter(({ is_enabled }) => is_enabled));
  return [
    ...absent('key', key, () => credentials.map(({ name }) => name)),
    ...absent('team', team, () => teams.map(({ name }) => name)),
    ...[provider, row.provider_key].flatMap((name) =>
      absent('provider', name, () => keysOf(providers)),
    ),
    ...[row.provider, row.from_provider, row.to_provider].flatMap((name) =>
      absent('enabled provider', name, enabled),
    ),
  ];
}
