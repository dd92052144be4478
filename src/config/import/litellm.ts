import type { WrittenProvider } from '../documents/document-schema.js';
import { compileModelPattern, matchesPattern } from '../rows/model-pattern.js';
import { hashKey, previewKey } from '../secrets/credential-key.js';
import type { StrategyName } from '../settings/settings-types.js';
import type { Imported } from './imported.js';
import { readDeployment } from './litellm-deployment.js';
import { asList, asRecord, asText, fromEnvironment, type Values } from './values.js';

const strategies: Readonly<Record<string, StrategyName>> = {
  'simple-shuffle': 'weighted_random',
  'latency-based-routing': 'latency',
  'least-busy': 'least_busy',
};

/**
 * Converts the configuration of a LiteLLM proxy. Deployments of the same address, key and weight
 * become one provider.
 * @param config its parsed `config.yaml`.
 */
export function importLitellm(
  config: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): Imported {
  const { model_list, router_settings, general_settings, litellm_settings, ...others } =
    asRecord(config);
  const imported: Imported = { providers: {}, credentials: {}, notes: [], settings: {} };
  const { notes } = imported;
  const router = { ...asRecord(litellm_settings), ...asRecord(router_settings) };
  const aliases = Object.entries(asRecord(router.model_group_alias));
  for (const [index, entry] of asList(model_list).entries()) {
    const { model_name, litellm_params } = asRecord(entry);
    const name = asText(model_name) ?? `number ${index + 1}`;
    const read = readDeployment(name, asRecord(litellm_params), environment, notes);
    if (!read) continue;
    const names = [name, ...aliases.filter(([, to]) => to === name).map(([alias]) => alias)];
    addToProviders(imported.providers, read.label, read.provider, names, read.model);
  }
  imported.providers = namedByGroup(imported.providers, aliases);
  wholeWeights(imported.providers);
  addMasterKey(imported, asRecord(general_settings), environment);
  addSettings(imported, router);
  noteOthers(notes, { others, general: asRecord(general_settings), router });
  return imported;
}

/** Adds a deployment to a matching provider, unless that maps one of its names to another model. */
function addToProviders(
  providers: Imported['providers'],
  label: string,
  provider: WrittenProvider,
  names: readonly string[],
  model: string,
): void {
  const identity = JSON.stringify(provider);
  for (let number = 1; ; number++) {
    const key = number === 1 ? label : `${label}-${number}`;
    const { model_mapping = {}, ...there } = providers[key] ?? provider;
    const isTaken = names.some((name) => (model_mapping[name] ?? model) !== model);
    if (isTaken || JSON.stringify(there) !== identity) continue;
    const own = Object.fromEntries(names.map((name) => [name, model]));
    providers[key] = { ...there, model_mapping: { ...model_mapping, ...own } };
    return;
  }
}

/**
 * A provider of a single model group is called after it, as its users know it; one of several after
 * its API or host.
 */
function namedByGroup(
  providers: Imported['providers'],
  aliases: readonly [string, unknown][],
): Imported['providers'] {
  const isAlias = new Set(aliases.map(([alias]) => alias));
  const named: Imported['providers'] = {};
  for (const [label, provider] of Object.entries(providers)) {
    const groups = Object.keys(provider.model_mapping ?? {}).filter((name) => !isAlias.has(name));
    const base = (groups.length === 1 && nameOf(groups[0] ?? '')) || label;
    let name = base;
    for (let number = 2; Object.hasOwn(named, name); number++) name = `${base}-${number}`;
    named[name] = provider;
  }
  return named;
}

/** A model group as the name of a provider; empty where nothing of it can be one. */
function nameOf(group: string): string {
  return group
    .replace(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, 56);
}

/** Scales weights to integers: LiteLLM allows fractions. */
function wholeWeights(providers: Imported['providers']): void {
  const all = Object.values(providers);
  if (all.every(({ weight }) => Number.isInteger(weight))) return;
  for (const provider of all) provider.weight = Math.round((provider.weight ?? 1) * 100);
}

/** A proxy without a database has only this key, so its clients use it. */
function addMasterKey(
  { credentials, notes }: Imported,
  { master_key }: Values,
  environment: Parameters<typeof importLitellm>[1],
): void {
  const written = asText(master_key);
  if (written === null) return;
  const key = fromEnvironment(written, environment);
  if (key === null) {
    notes.push(`the master key is left out: ${written} is not set here`);
    return;
  }
  credentials['litellm-master'] = {
    credential_key: hashKey(key),
    key_preview: previewKey(key),
    allowed_models: ['*'],
  };
  notes.push('the master key becomes the key "litellm-master" of a client; it administers nothing');
  if (key.length < 16) notes.push('the master key is so short that it can be guessed: rotate it');
}

function addSettings({ settings, notes, providers }: Imported, router: Values): void {
  const lists = Object.entries(fallbackLists).flatMap(([theirs, own]) => {
    const found = importedFallbacks(theirs, router, providers, notes);
    return Object.keys(found).length > 0 ? [[own, found] as const] : [];
  });
  const strategy = asText(router.routing_strategy);
  const own = strategy === null ? undefined : strategies[strategy];
  if (strategy !== null && own === undefined) {
    notes.push(`the routing strategy ${strategy} has no counterpart here`);
  }
  const routing = {
    ...(own !== undefined && { strategy: own }),
    ...(typeof router.num_retries === 'number' && { max_attempts: router.num_retries + 1 }),
    ...Object.fromEntries(lists),
  };
  if (Object.keys(routing).length > 0) settings.routing = routing;
  const { request_timeout: timeoutSecs } = router;
  if (typeof timeoutSecs === 'number' && timeoutSecs > 0) {
    settings.upstream = { total_timeout_ms: Math.round(timeoutSecs * 1_000) };
  }
}

/** Their lists of fallbacks, and ours. */
const fallbackLists = {
  fallbacks: 'fallbacks',
  context_window_fallbacks: 'context_length_fallbacks',
  content_policy_fallbacks: 'content_policy_fallbacks',
} as const;

/** A list of fallbacks without models that no imported provider serves. */
function importedFallbacks(
  theirs: string,
  router: Values,
  providers: Imported['providers'],
  notes: string[],
): Record<string, string[]> {
  const patterns = Object.values(providers)
    .flatMap(({ model_mapping }) => Object.keys(model_mapping ?? {}))
    .map(compileModelPattern);
  const isServed = (model: string) =>
    patterns.some((each) => typeof each !== 'string' && matchesPattern(each, model));
  const written = Object.assign({}, ...asList(router[theirs]).map(asRecord));
  const fallbacks: Record<string, string[]> = {};
  for (const [model, list] of Object.entries(written)) {
    const wanted = asList(list).map(String);
    const kept = wanted.filter(isServed);
    const missing = [model, ...wanted].filter((each) => !isServed(each));
    if (missing.length > 0) {
      notes.push(
        `${theirs} of ${model}: without ${missing.join(', ')}, for which no model is imported`,
      );
    }
    if (isServed(model) && kept.length > 0) fallbacks[model] = kept;
  }
  return fallbacks;
}

const carriedOver = {
  general: ['master_key'],
  router: [
    ...Object.keys(fallbackLists),
    ...['routing_strategy', 'num_retries', 'model_group_alias', 'request_timeout'],
  ],
  others: [],
};

function noteOthers(notes: string[], parts: Record<keyof typeof carriedOver, Values>): void {
  if (parts.general.database_url !== undefined) {
    notes.push('keys, teams and budgets in the database of LiteLLM are not read');
  }
  const left = Object.entries(carriedOver).flatMap(([part, known]: [string, string[]]) =>
    Object.keys(parts[part as keyof typeof carriedOver]).filter((name) => !known.includes(name)),
  );
  if (left.length > 0) notes.push(`no counterpart here: ${left.sort().join(', ')}`);
}
