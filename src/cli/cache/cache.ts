import { Command } from 'commander';
import type { PurgeSelectors } from '../../config/rows/cache.js';
import { counted } from '../../observe/counted.js';
import type { CacheStatus, OwnerCacheStatus } from '../../observe/gateway-state.js';
import { visible } from '../../observe/visible.js';
import { changeOver, withAdminApi } from '../admin-api.js';
import { printActivation } from '../daemon/activate.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { usageError } from '../failure.js';
import { print, printFields, printJson, warnEach } from '../output.js';
import { selectorsText } from '../spend/selectors.js';

interface CacheNow {
  max_bytes: number;
  total: CacheStatus;
  workers: ({ worker: string } & CacheStatus)[];
  shared: OwnerCacheStatus | null;
}

type PurgeFlags = DatabaseFlags & PurgeSelectors & { all?: boolean };

/** `llmproxy cache …`: cached answers. */
export function cacheCommand(): Command {
  const command = new Command('cache').description('show or purge cached answers');
  command.addCommand(
    addGatewayOptions(new Command('status'))
      .description('show how many answers are cached, and how often they were reused')
      .addHelpText('after', '\nExample:\n  $ llmproxy cache status --json | jq .total.hits')
      .action(status),
  );
  command.addCommand(
    addGatewayOptions(
      new Command('purge')
        .description('forget cached answers, on every worker and daemon')
        .option('--key <name>', 'answers to requests of this key, by name')
        .option('--team <name>', 'answers to requests of the keys of this team')
        .option('--model <name>', 'answers of this model, or a wildcard')
        .option('--all', 'all answers; the default without names'),
    )
      .addHelpText(
        'after',
        `
If several names are given, all must match.

Examples:
  $ llmproxy cache purge
  $ llmproxy cache purge --team chat --model "gpt-4o*"`,
      )
      .action(purge),
  );
  return command.addHelpText(
    'after',
    '\nWhich answers are cached is configured by key and team: see docs/cache.md.\n\nExample:\n  $ llmproxy cache status',
  );
}

async function status(flags: DatabaseFlags): Promise<void> {
  const now = await withAdminApi(flags, 'read', (api) => api.ask<CacheNow>('GET', '/cache'));
  if (flags.json) {
    printJson(now);
    return;
  }
  const { total, workers, shared, max_bytes } = now;
  const remote = shared?.remote;
  const looked = total.hits + total.misses;
  const rate = looked === 0 ? '' : ` (${Math.round((100 * total.hits) / looked)} %)`;
  printFields([
    ['answers', `${total.answers} in ${counted(workers.length, 'worker')}`],
    ['memory', `${megabytes(total.bytes)} of ${megabytes(max_bytes * workers.length)}`],
    ...(shared ? [['shared', `${shared.answers} in ${megabytes(shared.bytes)}`] as const] : []),
    ...(remote ? [['fleet', fleetText(remote)] as const] : []),
    ['hits', `${total.hits}${rate}`],
    ['misses', String(total.misses)],
    ['bypassed', String(total.bypassed)],
    ['stored', `${total.kept} (${total.evicted} evicted)`],
  ]);
}

async function purge({ key, team, model, all, ...flags }: PurgeFlags): Promise<void> {
  const selectors = {
    ...(key !== undefined && { key }),
    ...(team !== undefined && { team }),
    ...(model !== undefined && { model }),
  };
  if (all && Object.keys(selectors).length > 0) {
    throw usageError('--all and a name cannot be used together');
  }
  const { result, activation } = await changeOver(flags, (api) =>
    api.ask<{ version: number; applies_to: PurgeSelectors; warnings?: string[] }>(
      'POST',
      '/cache/purge',
      selectors,
    ),
  );
  if (flags.json) printJson(result);
  else print(`purged cached answers of ${visible(selectorsText(selectors))}`);
  warnEach(result.warnings, flags.json);
  printActivation(activation, flags.json);
}

function fleetText({ hits, misses, failures }: NonNullable<OwnerCacheStatus['remote']>): string {
  return `${hits} hits, ${misses} misses, ${failures} failures`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
