import type { Credential, Team } from '../config/configuration.js';
import type { CacheRules } from '../config/rows/cache.js';
import { compileAllowedModels } from './model-mapping.js';

/** Cache rules of a key, with precomputed parts. */
export interface CachePolicy {
  /** Without a header that says otherwise. */
  readonly isOn: boolean;
  /** Identifies those who share answers. */
  readonly scope: string;
  /** The same for answers with objects that live at the provider, which a team owns. */
  readonly ownScope: string;
  /** Null: the setting's. */
  readonly ttlMs: number | null;
  /** True: includes requests with random answers. */
  readonly takesAll: boolean;
  readonly singleFlight: boolean;
  /** Null: all models. */
  readonly isFor: ((model: string) => boolean) | null;
}

/**
 * The key's own rules, else its team's; null if nothing is cached.
 * @param key identifies the key; a rotated one keeps it.
 */
export function compileCachePolicy(
  { cache, losses }: Pick<Credential, 'cache' | 'losses'>,
  key: string,
  team: Team | null,
): CachePolicy | null {
  const rules: CacheRules | null = cache ?? team?.cache ?? null;
  if (!rules || rules.mode === 'off') return null;
  // A deleted team's name may be reused.
  const ofTeam = team ? `team ${team.id ?? team.name}` : `key ${key}`;
  const scopes = { key: `key ${key}`, team: ofTeam, all: 'all' };
  // A key with strict losses must not get an answer with some.
  const policy = (scope: string) => `${scope} ${losses ?? ''}`;
  const { scope = 'key', requests, ttl_ms, single_flight, models } = rules;
  return Object.freeze({
    isOn: rules.mode === 'on',
    scope: policy(scopes[scope]),
    ownScope: policy(scope === 'key' ? scopes.key : ofTeam),
    ttlMs: ttl_ms ?? null,
    takesAll: requests === 'all',
    singleFlight: single_flight ?? false,
    isFor: models ? compileAllowedModels(models) : null,
  });
}
