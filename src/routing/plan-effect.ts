import type { Configuration, Credential, Provider, Team } from '../config/configuration.js';
import type { Section } from '../config/documents/kinds.js';
import { providerProblems } from '../config/provider-problems.js';
import { compileModelPattern } from '../config/rows/model-pattern.js';
import { namedSectionNames } from '../config/rows/named.js';
import { firstShares } from './first-choice.js';
import { type KeyEffect, keyEffects, works } from './key-effect.js';
import { buildSnapshot, type Candidate, type RoutedProvider, type Snapshot } from './snapshot.js';
import { unservedModels } from './unserved-models.js';
import { translatedApis } from './wire.js';

/** The effect of a configuration change on models and keys. */
export interface PlanEffect {
  models: ModelEffect[];
  keys: KeyEffect[];
  /** Working keys for which no provider will serve any allowed model, and did before. */
  stranded: string[];
  /** Enabled providers that serve nothing because their secrets cannot be used here. */
  unusable: string[];
}

/** A model whose requests will go elsewhere. */
export interface ModelEffect {
  /** A name, a wildcard or a `/regex/` of a mapping; null stands for all other names. */
  model: string | null;
  before: Share[];
  after: Share[];
  gained: string[];
  lost: string[];
  /** True where some provider serves it now, and none will. */
  unserved: boolean;
}

/** A provider's share of a model's requests while all providers are healthy. */
export interface Share {
  provider: string;
  /** By weight, from 0 to 1; 0 is for failover only. */
  share: number;
  /** The APIs in which it is asked in another one, such as `messages`. */
  translated: string[];
}

/** A name that no mapping is likely to contain. */
const anyOther = '\u0001any other model';

/** The changes of traffic and keys between two configurations; unchanged parts are left out. */
export function planEffect(
  before: Configuration,
  after: Configuration,
  {
    withoutSecret = new Set<Provider>(),
    now = Date.now(),
  }: { withoutSecret?: ReadonlySet<Provider>; now?: number } = {},
): PlanEffect {
  // Rows may contain anything; the daemon ignores what it cannot use.
  const usableOf = ({ providers }: Configuration) =>
    providers.filter((each) => !withoutSecret.has(each) && providerProblems(each, '').length === 0);
  const [had, has] = [usableOf(before), usableOf(after)];
  const [old, next] = (
    [
      [had, before],
      [has, after],
    ] as const
  ).map(([usable, { canaries = [] }]) => {
    const { version } = after;
    return buildSnapshot({ version, providers: usable, teams: [], credentials: [], canaries }, '');
  }) as [Snapshot, Snapshot];
  const models = [...namedModels(before, after), anyOther].flatMap((model) => {
    const [left, right] = [serving(old, model), serving(next, model)];
    // Most are, and finding what is translated for each takes long.
    if (isSame(left, right)) return [];
    const [was, is] = [sharesOf(left), sharesOf(right)];
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    const gained = is.filter(({ provider }) => !was.some((each) => each.provider === provider));
    const lost = was.filter(({ provider }) => !is.some((each) => each.provider === provider));
    return {
      model: model === anyOther ? null : model,
      before: was,
      after: is,
      gained: gained.map(({ provider }) => provider),
      lost: lost.map(({ provider }) => provider),
      unserved: was.length > 0 && is.length === 0,
    };
  });
  return {
    models,
    keys: keyEffects(before.credentials, after.credentials, [old, next], now),
    stranded: strandedKeys(before.credentials, had, after.credentials, has, now),
    unusable: after.providers
      .filter((each) => each.is_enabled && withoutSecret.has(each))
      .map(({ provider_key }) => provider_key),
  };
}

/** Keys of mappings and entries of `allowed_models`, exact names first. */
function namedModels(...configurations: Configuration[]): string[] {
  const names = new Set<string>();
  for (const { providers, credentials } of configurations) {
    for (const { model_mapping } of providers) {
      for (const name of Object.keys(model_mapping)) names.add(name);
    }
    for (const { allowed_models } of credentials) {
      for (const name of allowed_models ?? []) if (isExact(name)) names.add(name);
    }
  }
  const all = [...names].sort();
  return [...all.filter(isExact), ...all.filter((name) => !isExact(name) && name !== '*')];
}

function isExact(name: string): boolean {
  const pattern = compileModelPattern(name);
  return typeof pattern !== 'string' && pattern.kind === 'exact';
}

type Serving = Pick<Candidate, 'provider' | 'model' | 'weight' | 'priority'>;

function serving(snapshot: Snapshot, model: string): readonly Serving[] {
  const pattern = compileModelPattern(model);
  if (typeof pattern === 'string' || pattern.kind !== 'regex') {
    return snapshot.route(model)?.candidates ?? [];
  }
  // A regular expression names no model: providers with the same one, or with all models, serve it.
  const providers = snapshot.providers.filter(
    ({ config: { model_mapping } }) =>
      Object.keys(model_mapping).length === 0 || Object.hasOwn(model_mapping, model),
  );
  return providers.map((provider) => ({ provider, model, ...sharedOf(provider) }));
}

/** True if these are the same rows in the same order, with equal weights. */
function isSame(some: readonly Serving[], others: readonly Serving[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ provider, model, weight, priority }, place) => {
      const other = others[place];
      const isRow = provider.config === other?.provider.config && model === other.model;
      return isRow && weight === other.weight && priority === other.priority;
    })
  );
}

function sharedOf({ weight, priority }: RoutedProvider) {
  return { weight, priority };
}

/** The shares while all providers are healthy. */
function sharesOf(candidates: readonly Serving[]): Share[] {
  const shareOf = firstShares(candidates);
  const all = candidates.map((candidate) => ({
    provider: candidate.provider.key,
    share: shareOf(candidate),
    translated: translatedApis(candidate.provider.wires, candidate.model),
  }));
  return all.sort((a, b) => b.share - a.share || (a.provider < b.provider ? -1 : 1));
}

function strandedKeys(
  before: readonly Credential[],
  had: readonly Provider[],
  after: readonly Credential[],
  has: readonly Provider[],
  now: number,
): string[] {
  const served = (credentials: readonly Credential[], providers: readonly Provider[]) => {
    const entries = new Set(credentials.flatMap(({ allowed_models }) => allowed_models ?? '*'));
    const unserved = new Set(unservedModels([...entries], providers));
    return ({ allowed_models }: Credential) =>
      (allowed_models ?? ['*']).some((entry) => !unserved.has(entry));
  };
  const [wasServed, isServed] = [served(before, had), served(after, has)];
  const idle = new Set(before.flatMap((key) => (works(key, now) && !wasServed(key) ? key.id : [])));
  return after
    .filter((key) => works(key, now) && !isServed(key) && (key.id === null || !idle.has(key.id)))
    .map(({ name }) => name);
}

/** Rows as routing sees them, with providers in the order of their ids, as the daemon reads them. */
export function routedConfiguration(
  rows: { version: number } & Record<Section, readonly object[]>,
): Configuration {
  return {
    version: rows.version,
    providers: [...rows.providers] as Provider[],
    teams: [...rows.teams] as Team[],
    credentials: [...rows.credentials] as Credential[],
    ...Object.fromEntries(namedSectionNames.map((section) => [section, [...rows[section]]])),
  };
}
