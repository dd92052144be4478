import { type Command, Option } from 'commander';
import { type LossPolicy, lossPolicies } from '../../config/configuration.js';
import type { CacheRules } from '../../config/rows/cache.js';
import type { Limits } from '../../config/rows/limits.js';
import { minKeyLength } from '../../config/secrets/credential-key.js';
import type { CredentialInput } from '../../db/queries/rows.js';
import {
  burst,
  collect,
  modelList,
  networkList,
  rateLimit,
  tagList,
  teamName,
  wholeNumber,
} from '../arguments.js';
import { addCacheOptions, type CacheFlags, cacheAfter } from '../cache-flags.js';
import { addGatewayOptions } from '../database/connection.js';
import { usageError } from '../failure.js';
import { type AmountFlags, addAmountOptions, limitsAfter } from '../limit-flags.js';
import { addSecretOptions } from '../secrets/secret.js';
import { expiry } from '../times.js';

/** Flags for the permissions and limits of a key. */
export interface LimitFlags extends AmountFlags, CacheFlags {
  team?: string;
  weight?: number;
  priority?: number;
  models?: string[];
  rateLimit?: number | 'none';
  burst?: number | 'none';
  expires?: Date | 'never';
  allowedIps?: string[] | 'any';
  tag?: string[];
  storeBodies?: boolean;
  losses?: LossPolicy | 'none';
}

export function addKeyOptions(command: Command, description: string): void {
  addSecretOptions(command, 'key', description);
  command.option('--allow-short-key', `accept a key of fewer than ${minKeyLength} characters`);
}

export function addLimitOptions(command: Command): Command {
  command
    .option('--team <name>', 'the team that it belongs to; none: no team', teamName)
    .option('--models <a,b>', 'models or wildcards that it may use; "*": all', modelList)
    .option('--rate-limit <n>', 'requests per second; 0 blocks all; none: unlimited', rateLimit)
    .option('--burst <n>', 'requests at once; none: as many as --rate-limit', burst)
    .option('--expires <time>', 'expiry: 90d, a date, or never', expiry('--expires'))
    .option(
      '--allowed-ips <a,b>',
      'addresses or networks it may be used from; any: all',
      networkList,
    )
    .option('--tag <tag>', 'a tag for searches, and of its requests; repeatable', collect)
    .option('--weight <n>', 'its share while requests queue', wholeNumber('--weight', 1, 1_000_000))
    .option('--priority <n>', 'higher goes first while requests queue', priority)
    .option('--store-bodies', 'store bodies of requests and answers, see docs/usage.md')
    .option('--no-store-bodies', 'do not store bodies; the default')
    .addOption(
      new Option(
        '--losses <policy>',
        'losses in translation; none: as each provider is set',
      ).choices([...lossPolicies, 'none']),
    );
  return addGatewayOptions(addCacheOptions(addAmountOptions(command), 'the team’s rules'));
}

/** The columns set by the flags. @param before the key, since flags may change parts of a field. */
export function limitsFrom(
  flags: LimitFlags,
  before: { limits: Limits; cache: CacheRules | null } = { limits: {}, cache: null },
): Partial<CredentialInput> {
  const limits = limitsAfter(before.limits, flags);
  const cache = cacheAfter(before.cache, flags);
  const { team, weight, priority: first } = flags;
  const { models, rateLimit: rate, burst: most, expires, allowedIps, tag, storeBodies } = flags;
  const { losses } = flags;
  return {
    ...(models !== undefined && { allowed_models: models }),
    ...(rate !== undefined && { rate_limit: rate === 'none' ? null : rate }),
    ...(most !== undefined && { burst: most === 'none' ? null : most }),
    ...(expires !== undefined && { expires_at: expires === 'never' ? null : expires }),
    ...(allowedIps !== undefined && { allowed_ips: allowedIps === 'any' ? null : allowedIps }),
    ...(tag !== undefined && { tags: tagList('--tag', tag) }),
    ...(team !== undefined && { team: team === 'none' ? null : team }),
    ...(weight !== undefined && { weight }),
    ...(first !== undefined && { priority: first }),
    ...(limits !== undefined && { limits }),
    ...(cache !== undefined && { cache }),
    ...(storeBodies !== undefined && { store_bodies: storeBodies }),
    ...(losses !== undefined && { losses: losses === 'none' ? null : losses }),
  };
}

function priority(text: string): number {
  const value = /^-?\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= -1_000 && value <= 1_000) return value;
  throw usageError(`--priority: "${text}" is not a whole number from -1000 to 1000`);
}
