import type { Command } from 'commander';
import { minKeyLength } from '../../config/credential-key.js';
import type { CredentialInput } from '../../db/queries/rows.js';
import { burst, collect, modelList, networkList, rateLimit } from '../arguments.js';
import { addDatabaseOptions } from '../database/connection.js';
import { usageError } from '../failure.js';
import { addSecretOptions } from '../secrets/secret.js';
import { expiry } from '../times.js';

/** Flags for the permissions and limits of a key. */
export interface LimitFlags {
  models?: string[];
  rateLimit?: number | 'none';
  burst?: number | 'none';
  expires?: Date | 'never';
  allowedIps?: string[] | 'any';
  tag?: string[];
  storeBodies?: boolean;
}

export function addKeyOptions(command: Command, description: string): void {
  addSecretOptions(command, 'key', description);
  command.option('--allow-short-key', `take a key of fewer than ${minKeyLength} characters`);
}

export function addLimitOptions(command: Command): Command {
  command
    .option('--models <a,b>', 'models or wildcards that it may use; "*": all', modelList)
    .option('--rate-limit <n>', 'requests per second; 0 blocks all; none: unlimited', rateLimit)
    .option('--burst <n>', 'requests at once; none: as many as --rate-limit', burst)
    .option('--expires <time>', 'expiry: 90d, a date, or never', expiry('--expires'))
    .option(
      '--allowed-ips <a,b>',
      'addresses or networks it may be used from; any: all',
      networkList,
    )
    .option('--tag <tag>', 'a tag for searches; repeatable', collect)
    .option('--store-bodies', 'store bodies of requests and answers, see docs/usage.md')
    .option('--no-store-bodies', 'do not store bodies; the default');
  return addDatabaseOptions(command);
}

/** The columns set by the flags. */
export function limitsFrom(flags: LimitFlags): Partial<CredentialInput> {
  const { models, rateLimit: rate, burst: most, expires, allowedIps, tag, storeBodies } = flags;
  return {
    ...(models !== undefined && { allowed_models: models }),
    ...(rate !== undefined && { rate_limit: rate === 'none' ? null : rate }),
    ...(most !== undefined && { burst: most === 'none' ? null : most }),
    ...(expires !== undefined && { expires_at: expires === 'never' ? null : expires }),
    ...(allowedIps !== undefined && { allowed_ips: allowedIps === 'any' ? null : allowedIps }),
    ...(tag !== undefined && { tags: tagsOf(tag) }),
    ...(storeBodies !== undefined && { store_bodies: storeBodies }),
  };
}

function tagsOf(texts: readonly string[]): string[] {
  const tags = [...new Set(texts.map((text) => text.trim()))];
  if (tags.every((tag) => tag !== '' && tag.length <= 100 && !/\p{Cc}/u.test(tag))) return tags;
  throw usageError('--tag: a tag must have 1 to 100 characters');
}
