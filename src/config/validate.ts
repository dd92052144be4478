import type { Configuration, Credential, Team } from './configuration.js';
import { networkProblem } from './network/networks.js';
import { type Problem, under } from './problem.js';
import { providerProblems } from './provider-problems.js';
import { credentialProperties, teamProperties } from './rows/credential-schema.js';
import type { Limits } from './rows/limits.js';
import { compileModelPattern, patternsProblem } from './rows/model-pattern.js';
import { namedProblems, namedSectionNames } from './rows/named.js';
import { compileSchema, toProblems } from './schema.js';
import type { PrivateAddresses } from './settings/settings-types.js';

/** The document that each entry comes from, for error messages and `config show --origin`. */
export interface Sources {
  providers: Map<string, string>;
  /** Only for teams that differ from their row. */
  teams: Map<string, string>;
  /** Only for credentials that differ from their row in the table. */
  credentials: Map<Credential, string>;
  /** The same for rows with unique names, by section and name. */
  named: Map<string, string>;
}

const validateCredentialShape = compileSchema<Credential>({
  type: 'object',
  required: ['credential_key', 'name'],
  properties: {
    ...credentialProperties,
    credential_key: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
});

const validateTeamShape = compileSchema<Team>({
  type: 'object',
  required: ['name'],
  properties: teamProperties,
});

/** Rows that need no check: each is an object of a valid configuration, except some credentials. */
export interface ValidRows {
  configuration: Configuration;
  /** Credentials that it does not have; their keys are not those of others. */
  added: readonly Credential[];
}

/**
 * All problems of a merged configuration; empty when it is valid.
 * @param valid null: all rows are checked.
 */
export function validateConfiguration(
  configuration: Configuration,
  sources: Sources,
  privateAddresses: PrivateAddresses = 'allow',
  valid: ValidRows | null = null,
): Problem[] {
  const problems: Problem[] = [];
  const known = new Set<object>(valid?.configuration.providers);
  for (const provider of configuration.providers) {
    // A disabled provider does no harm, and may have an unknown type.
    if (!provider.is_enabled || known.has(provider)) continue;
    const source = sources.providers.get(provider.provider_key) ?? 'configuration';
    problems.push(...providerProblems(provider, source, privateAddresses));
  }
  for (const team of configuration.teams) {
    const source = sources.teams.get(team.name) ?? 'table teams';
    problems.push(...teamProblems(team, source));
  }
  for (const section of namedSectionNames) {
    for (const row of configuration[section] ?? []) {
      const source = sources.named.get(`${section}.${row.name}`) ?? `table ${section}`;
      problems.push(...namedProblems(section, row, source, true));
    }
  }
  const teams = new Set(configuration.teams.map(({ name }) => name));
  const names = new Map<string, string>();
  const isTeamGone = valid?.configuration.teams.some(({ name }) => !teams.has(name));
  const unchecked = valid && !isTeamGone ? valid.added : configuration.credentials;
  for (const credential of unchecked) {
    const source = sources.credentials.get(credential) ?? 'table credentials';
    problems.push(...credentialProblems(credential, source, teams));
    const other = names.get(credential.credential_key);
    if (other !== undefined && credential.credential_key !== '') {
      const reason = `has the same key as "${other}"`;
      problems.push({ source, path: `credentials.${credential.name}`, reason });
    }
    names.set(credential.credential_key, credential.name);
  }
  return problems;
}

/** The problems of one team; paths start with its name. */
export function teamProblems(team: Team, source: string): Problem[] {
  const at = `teams.${team.name}`;
  if (!validateTeamShape(team)) return under(at, toProblems(source, validateTeamShape.errors));
  return [
    ...modelListProblems(source, `${at}.allowed_models`, team.allowed_models ?? []),
    ...limitProblems(source, `${at}.limits`, team.limits),
    ...modelListProblems(source, `${at}.cache.models`, team.cache?.models ?? []),
  ];
}

/**
 * The problems of one credential; paths start with its name.
 * @param teams names of the existing teams; absent: the team is not checked.
 */
export function credentialProblems(
  credential: Credential,
  source: string,
  teams?: ReadonlySet<string>,
): Problem[] {
  const problems = ownProblems(credential, source);
  if (!teams || !credential.team || teams.has(credential.team)) return problems;
  const path = `credentials.${credential.name}.team`;
  return [...problems, { source, path, reason: `there is no team "${credential.team}"` }];
}

function ownProblems(credential: Credential, source: string): Problem[] {
  const at = `credentials.${credential.name}`;
  if (credential.credential_key === '') {
    return [
      { source, path: at, reason: 'no credential has this name, and a new one needs a "key"' },
    ];
  }
  if (!validateCredentialShape(credential)) {
    return under(at, toProblems(source, validateCredentialShape.errors));
  }
  return credentialContentProblems(credential, at, source);
}

/**
 * The problems of the fields of a credential of the right shape.
 * @param at the path of the credential.
 */
export function credentialContentProblems(
  { expires_at, allowed_models, allowed_ips, limits, cache }: Partial<Credential>,
  at: string,
  source: string,
): Problem[] {
  if (expires_at && Number.isNaN(Date.parse(expires_at))) {
    return [{ source, path: `${at}.expires_at`, reason: 'is not a time' }];
  }
  // Most keys have none of these, and there may be a million.
  const isPlain = !allowed_models || allowed_models[0] === '*';
  if (isPlain && (allowed_models?.length ?? 0) < 2 && !allowed_ips && !limits?.models && !cache) {
    return [];
  }
  return [
    ...modelListProblems(source, `${at}.allowed_models`, allowed_models ?? []),
    ...entryProblems(source, `${at}.allowed_ips`, allowed_ips ?? [], networkProblem),
    ...limitProblems(source, `${at}.limits`, limits),
    ...modelListProblems(source, `${at}.cache.models`, cache?.models ?? []),
  ];
}

function modelListProblems(source: string, at: string, models: readonly string[]): Problem[] {
  const reason = patternsProblem(models);
  if (reason !== null) return [{ source, path: at, reason }];
  return entryProblems(source, at, models, modelProblem);
}

function entryProblems(
  source: string,
  at: string,
  entries: readonly string[],
  problemOf: (entry: string) => string | null,
): Problem[] {
  return entries.flatMap((entry, index) => {
    const reason = problemOf(entry);
    return reason === null ? [] : [{ source, path: `${at}.${index}`, reason }];
  });
}

function limitProblems(source: string, at: string, limits: Limits | undefined): Problem[] {
  const models = Object.keys(limits?.models ?? {});
  const problem = patternsProblem(models);
  if (problem !== null) return [{ source, path: `${at}.models`, reason: problem }];
  return models.flatMap((model) => {
    const reason = modelProblem(model);
    return reason === null ? [] : [{ source, path: `${at}.models.${model}`, reason }];
  });
}

function modelProblem(entry: string): string | null {
  const pattern = compileModelPattern(entry);
  return typeof pattern === 'string' ? pattern : null;
}
