import {
  type Configuration,
  type Credential,
  newProvider,
  newTeam,
  type Provider,
  type Team,
} from './configuration.js';
import type { Override } from './overrides.js';
import { ConfigError, type Problem } from './problem.js';
import { type NamedSection, namedSectionNames, newNamed } from './rows/named.js';
import type { PrivateAddresses } from './settings/settings-types.js';
import {
  credentialProblems,
  type Sources,
  type ValidRows,
  validateConfiguration,
} from './validate.js';

/** Rows of the database, with the columns that routing uses. */
export type Rows = Configuration;

/**
 * Merges the configuration: rows, then override files in order, field by field. A provider, team or
 * credential without a row is added.
 * @param valid spares checking its rows again; null: all are checked.
 * @throws ConfigError naming every problem; the caller must then keep the active configuration.
 */
export function mergeConfiguration(
  rows: Rows,
  overrides: readonly Override[],
  privateAddresses: PrivateAddresses = 'allow',
  valid: ValidRows | null = null,
): Configuration {
  const problems: Problem[] = [];
  const sources: Sources = {
    providers: new Map(),
    teams: new Map(),
    credentials: new Map(),
    named: new Map(),
  };
  const providers = new Map<string, Provider>();
  for (const row of rows.providers) {
    providers.set(row.provider_key, row);
    sources.providers.set(row.provider_key, 'table providers');
  }
  const teams = new Map(rows.teams.map((row) => [row.name, row]));
  const changesKeys = overrides.some((override) => override.credentials.size > 0);
  const credentials = changesKeys ? [...rows.credentials] : rows.credentials;
  /** Indexes of credentials by name, so that an override need not search all of them. */
  const places = new Map<string, number[]>();
  const addPlace = (name: string, place: number) => {
    const others = places.get(name);
    if (others) others.push(place);
    else places.set(name, [place]);
  };
  if (changesKeys) {
    for (const [place, { name }] of credentials.entries()) addPlace(name, place);
  }

  for (const override of overrides) {
    for (const [key, fields] of override.providers) {
      providers.set(key, { ...(providers.get(key) ?? emptyProvider(key)), ...fields });
      sources.providers.set(key, override.source);
    }
    for (const [name, fields] of override.teams) {
      teams.set(name, { ...(teams.get(name) ?? emptyTeam(name)), ...fields });
      sources.teams.set(name, override.source);
    }
    for (const [name, fields] of override.credentials) {
      const change = (credential: Credential): Credential => {
        const changed = { ...credential, ...fields };
        sources.credentials.set(changed, override.source);
        return changed;
      };
      if (!places.has(name)) {
        addPlace(name, credentials.length);
        credentials.push(emptyCredential(name));
      }
      for (const place of places.get(name) ?? []) {
        credentials[place] = change(credentials[place] as Credential);
      }
    }
  }

  const named = Object.fromEntries(
    namedSectionNames.map((section) => [section, mergeNamed(section, rows, overrides, sources)]),
  );
  const merged = {
    ...named,
    version: rows.version,
    providers: [...providers.values()],
    teams: [...teams.values()],
    credentials,
    ...(rows.purges && { purges: rows.purges }),
  };
  // Those of 150,000 rows would not fit on the stack as arguments of `push`.
  for (const problem of validateConfiguration(merged, sources, privateAddresses, valid)) {
    problems.push(problem);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return merged;
}

/**
 * The configuration where only credentials of the database have changed, and no override file has any.
 * @param merged the one before. @param changed the rows that are new or differ.
 * @throws ConfigError as `mergeConfiguration`.
 */
export function mergeCredentials(
  merged: Configuration,
  { version, credentials }: Rows,
  changed: readonly Credential[],
): Configuration {
  const teams = new Set(merged.teams.map(({ name }) => name));
  const problems = changed.flatMap((credential) =>
    credentialProblems(credential, 'table credentials', teams),
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...merged, version, credentials };
}

function mergeNamed(
  section: NamedSection,
  rows: Rows,
  overrides: readonly Override[],
  { named }: Sources,
): object[] {
  const merged = new Map<string, object>((rows[section] ?? []).map((row) => [row.name, row]));
  for (const override of overrides) {
    for (const [name, fields] of override.named[section]) {
      const before = merged.get(name);
      merged.set(name, before ? { ...before, ...fields } : newNamed(section, name, fields));
      named.set(`${section}.${name}`, override.source);
    }
  }
  return [...merged.values()];
}

function emptyProvider(provider_key: string): Provider {
  return { ...newProvider, provider_key, api_base: '', api_key: '' };
}

function emptyTeam(name: string): Team {
  return { ...newTeam, id: null, name, allowed_models: null };
}

function emptyCredential(name: string): Credential {
  return {
    id: null,
    credential_key: '',
    name,
    allowed_models: null,
    rate_limit: null,
    is_enabled: true,
    key_preview: '',
  };
}
