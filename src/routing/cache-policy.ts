import type { Credential, Team } from '../config/configuration.js';
import type { CacheRules } from '../config/rows/cache.js';
import { compileAllowedModels } from './model-mapping.js';

/** Cache rules of a key, with everything that is computed once. */
export interface CachePolicy {
  /** Without a header that says otherwise. */
  readonly isOn: boolean;
  /** Names those who share answers. */
  readonly scope: string;
  /** The same for answers with objects that live at the provider, which a team owns. */
  readonly ownScope: string;
  /** Null: as the settings say. */
  readonly ttlMs: number | null;
  /** True: also of requests whose answers depend on chance. */
  readonly takesAll: boolean;
  readonly singleFlight: boolean;
  /** Null: all models. */
  readonly isFor: ((model: string) => boolean) | null;
}

/**
 * The key's own rules, else its team's; null where nothing is kept.
 * @param key names the key; a rotated one keeps the name.
 */
export function compileCachePolicy(
  { cache, losses }: Pick<Credential, 'cache' | 'losses'>,
  key: string,
  team: Team | null,
): CachePolicy | null {
  const rules: CacheRules | null = cache ?? team?.cache ?? null;
  if (!rules || rules.mode === 'off') return null;
  // A team of the same name may be made after one is deleted.
  const ofTeam = team ? `team ${team.id ?? team.name}` : `key ${key}`;
  const scopes = { key: `key ${key}`, team: ofTeam, all: 'all' };
  // A key that refuses losses must not get an answer that has some.
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
