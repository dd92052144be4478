import { type Command, Option } from 'commander';
import {
  type CachedRequests,
  type CacheMode,
  type CacheRules,
  type CacheScope,
  cachedRequests,
  cacheModes,
  cacheScopes,
  maxTtlMs,
} from '../config/rows/cache.js';
import { modelList } from './arguments.js';
import { usageError } from './failure.js';
import { duration } from './times.js';

/** The values of the flags, by the names that commander gives them. */
export interface CacheFlags {
  cache?: CacheMode | 'none';
  cacheScope?: CacheScope;
  /** Seconds. */
  cacheTtl?: number | 'default';
  cacheRequests?: CachedRequests;
  cacheModels?: string[];
  singleFlight?: boolean;
}

/** Adds flags for the cached answers of a key or team. @param none meaning of `--cache none`. */
export function addCacheOptions(command: Command, none: string): Command {
  return command
    .addOption(
      new Option('--cache <mode>', `cache answers: on; ask: by header; off; none: ${none}`).choices(
        [...cacheModes, 'none'],
      ),
    )
    .addOption(
      new Option('--cache-scope <scope>', 'with whom cached answers are shared').choices(
        cacheScopes,
      ),
    )
    .option('--cache-ttl <time>', 'lifetime, such as 10m; default: the setting', ttl)
    .addOption(
      new Option('--cache-requests <which>', 'all: also nondeterministic requests').choices(
        cachedRequests,
      ),
    )
    .option('--cache-models <a,b>', 'models or wildcards; "*": all', modelList)
    .option('--single-flight', 'send only one of identical concurrent requests')
    .option('--no-single-flight', 'send each of them; the default');
}

/**
 * The rules after the flags; undefined if no flag is given.
 * @throws CliError: a usage error that names the flag.
 */
export function cacheAfter(
  before: CacheRules | null,
  flags: CacheFlags,
): CacheRules | null | undefined {
  const { cache, cacheScope, cacheTtl, cacheRequests, cacheModels, singleFlight } = flags;
  const details: Omit<Partial<CacheRules>, 'mode'> = {
    ...(cacheScope !== undefined && { scope: cacheScope }),
    ...(typeof cacheTtl === 'number' && { ttl_ms: cacheTtl * 1_000 }),
    ...(cacheRequests !== undefined && { requests: cacheRequests }),
    ...(cacheModels !== undefined && { models: cacheModels }),
    ...(singleFlight !== undefined && { single_flight: singleFlight }),
  };
  const [detail] = Object.keys(details);
  if (cache === undefined && detail === undefined && cacheTtl === undefined) return undefined;
  if (cache === 'none' && detail === undefined && cacheTtl === undefined) return null;
  const mode = cache === 'none' ? undefined : (cache ?? before?.mode);
  if (mode === undefined) {
    throw usageError('the other flags of the cache need a mode', 'for example: --cache on');
  }
  const after: CacheRules = { ...before, ...details, mode };
  if (cacheTtl === 'default') delete after.ttl_ms;
  if (after.models?.includes('*')) delete after.models;
  return after;
}

/** Rules for people, such as `on, shared with the team, for 10m`. @param none meaning of null. */
export function cacheText(rules: CacheRules | null, none: string): string {
  if (!rules || rules.mode === 'off') return rules ? 'off' : none;
  const { mode, scope = 'key', ttl_ms, requests, models, single_flight } = rules;
  const parts = [mode, `scope ${scope}`];
  if (ttl_ms !== undefined) parts.push(`for ${ttl_ms / 1_000}s`);
  if (requests === 'all') parts.push('all requests');
  if (models) parts.push(models.join(', '));
  if (single_flight) parts.push('single flight');
  return parts.join(', ');
}

function ttl(text: string): number | 'default' {
  if (text === 'default') return text;
  const seconds = duration('--cache-ttl')(text);
  if (seconds > 0 && seconds * 1_000 <= maxTtlMs) return seconds;
  throw usageError(`--cache-ttl: "${text}" is not from 1s to 7d`);
}
