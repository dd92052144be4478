import { Command, Option } from 'commander';
import { sumUsage, type UsageGrouping, usageGroupings } from '../db/queries/sum-usage.js';
import { defaultSince, type Period, PeriodError, parsePeriod } from '../observe/usage/period.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from './connection.js';
import { usageError } from './failure.js';
import { printJson } from './output.js';
import { printUsage } from './usage-view.js';

interface UsageFlags extends DatabaseFlags {
  by: UsageGrouping;
  since: string;
  until?: string;
}

/** `llmproxy usage`: what the requests of a period add up to. */
export function usageCommand(): Command {
  return addDatabaseOptions(
    new Command('usage')
      .description('sum requests, tokens and latency')
      .addOption(new Option('--by <what>', 'what to sum by').choices(usageGroupings).default('key'))
      .option('--since <time>', 'how long ago (24h, 7d, 30m), or a time in ISO 8601', defaultSince)
      .option('--until <time>', 'as --since; now unless given'),
  )
    .addHelpText(
      'after',
      `
Tokens are those that providers reported; EST is the share that had to be
counted here. TTFT is the median time to the first token.

Examples:
  $ llmproxy usage
  $ llmproxy usage --by model --since 7d
  $ llmproxy usage --by day --since 2026-01-01 --until 2026-02-01 --json`,
    )
    .action(run);
}

async function run({ by, since, until, ...flags }: UsageFlags): Promise<void> {
  const period = periodOf(since, until);
  const { groups, total } = await withDatabase(flags, 'ready', (sql) => sumUsage(sql, by, period));
  if (flags.json) printJson({ ...period, by, usage: groups, total });
  else printUsage(by, groups, total);
}

function periodOf(since: string, until: string | undefined): Period {
  try {
    return parsePeriod(since, until);
  } catch (error) {
    throw error instanceof PeriodError ? usageError(`--${error.field}: ${error.message}`) : error;
  }
}
