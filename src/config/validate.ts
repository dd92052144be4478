import {
  authMethods,
  type Configuration,
  type Credential,
  type Provider,
  type Team,
} from './configuration.js';
import { hostProblem, unclearProblem } from './network/address.js';
import { noProxy, parseProxy } from './network/http-proxy.js';
import { networkProblem } from './network/networks.js';
import { neverForwarded, ownHeaders } from './network/own-headers.js';
import type { Problem } from './problem.js';
import { credentialProperties, teamProperties } from './rows/credential-schema.js';
import type { Limits } from './rows/limits.js';
import { compileModelPattern, patternsProblem } from './rows/model-pattern.js';
import { namedProblems, namedSectionNames } from './rows/named.js';
import { providerProperties } from './rows/provider-schema.js';
import { compileSchema, toProblems } from './schema.js';
import { providerKeyProblem } from './secrets/secret-reference.js';
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

const validateProviderShape = compileSchema<Provider>({
  type: 'object',
  required: ['provider_key', 'api_base', 'api_key'],
  properties: providerProperties,
});

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

/** The problems of one provider; paths start with its key. */
export function providerProblems(
  provider: Provider,
  source: string,
  privateAddresses: PrivateAddresses = 'allow',
): Problem[] {
  const at = `providers.${provider.provider_key}`;
  if (!validateProviderShape(provider)) {
    return under(at, toProblems(source, validateProviderShape.errors));
  }
  const problems: Problem[] = [];
  const add = (path: string, reason: string) =>
    problems.push({ source, path: `${at}.${path}`, reason });
  const badBase = apiBaseProblem(provider.api_base, privateAddresses);
  if (badBase) add('api_base', badBase);
  const badKey = providerKeyProblem(provider.api_key, provider.provider_type);
  if (badKey) add('api_key', badKey);
  const badProxy = ownProxyProblem(provider.provider_params.proxy, privateAddresses);
  if (badProxy) add('provider_params.proxy', badProxy);
  const badAuth = authProblem(provider);
  if (badAuth) add('provider_params.auth.method', badAuth);
  for (const name of Object.keys(provider.provider_params.headers ?? {})) {
    if (ownHeaders.has(name.toLowerCase())) {
      add(`provider_params.headers.${name}`, 'is a header that the gateway sets itself');
    }
  }
  for (const name of provider.provider_params.forward_headers ?? []) {
    if (neverForwarded.has(name.toLowerCase())) {
      add(`provider_params.forward_headers.${name}`, 'is a header that the gateway sets itself');
    }
  }
  const { model_timeouts = {} } = provider.provider_params;
  for (const [path, patterns] of [
    ['model_mapping', Object.keys(provider.model_mapping)],
    ['provider_params.model_timeouts', Object.keys(model_timeouts)],
  ] as const) {
    const reason = patternsProblem(patterns);
    if (reason !== null) add(path, reason);
    if (reason !== null) return problems;
  }
  for (const name of Object.keys(model_timeouts)) {
    const pattern = compileModelPattern(name);
    if (typeof pattern === 'string') add(`provider_params.model_timeouts.${name}`, pattern);
  }
  for (const [key, value] of Object.entries(provider.model_mapping)) {
    const reason = mappingProblem(key, value);
    if (reason) add(`model_mapping.${key}`, reason);
  }
  return problems;
}

function authProblem({ provider_type, provider_params: { auth } }: Provider): string | null {
  if (!auth) return null;
  const known: Readonly<Record<string, readonly string[]>> = authMethods;
  const methods = Object.hasOwn(known, provider_type) ? known[provider_type] : undefined;
  if (methods?.includes(auth.method)) return null;
  const which = methods ? methods.join(', ') : 'none';
  return `"${auth.method}" is not a method of a provider of type ${provider_type}, which has: ${which}`;
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

/** The reason that a text is not a valid base URL of a provider, or null. */
export function apiBaseProblem(
  apiBase: string,
  privateAddresses: PrivateAddresses = 'allow',
): string | null {
  const unclear = unclearProblem(apiBase);
  if (unclear !== null) return unclear;
  if (!URL.canParse(apiBase)) return 'is not a URL such as https://api.openai.com/v1';
  const { protocol, hostname, username, password, search, hash } = new URL(apiBase);
  if (protocol !== 'http:' && protocol !== 'https:') return 'must start with http:// or https://';
  if (username || password) return 'must not contain a user or password';
  if (search || hash) {
    return 'must not contain a query or fragment; parameters are in provider_params.query';
  }
  const badHost = hostProblem(hostname, privateAddresses);
  return badHost && `its host ${hostname} ${badHost}`;
}

/** The reason that a provider cannot have this proxy of its own, or null. */
function ownProxyProblem(
  text: string | undefined,
  privateAddresses: PrivateAddresses,
): string | null {
  if (text === undefined || text === noProxy) return null;
  const proxy = parseProxy(text);
  if (typeof proxy === 'string') return `${proxy}; or none`;
  const badHost = hostProblem(proxy.hostname, privateAddresses);
  if (badHost) return `its host ${proxy.hostname} ${badHost}`;
  if (proxy.authorization === null) return null;
  return 'must have no user and password, which would be shown: upstream.https_proxy may have them';
}

/** The reason that a mapping entry is invalid, or null. */
function mappingProblem(key: string, value: string): string | null {
  const pattern = compileModelPattern(key);
  if (typeof pattern === 'string') return pattern;
  const stars = key.split('*').length - 1;
  if (value.includes('*') && (pattern.kind !== 'wildcard' || stars !== 1)) {
    return 'a * in the value needs exactly one * in a wildcard key';
  }
  return null;
}

function under(at: string, problems: Problem[]): Problem[] {
  return problems.map((problem) => ({
    ...problem,
    path: problem.path ? `${at}.${problem.path}` : at,
  }));
}
