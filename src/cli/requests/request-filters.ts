import type { Command } from 'commander';
import type { RequestFilter } from '../../db/queries/requests/request-filter.js';
import { ReportError } from '../../db/report.js';
import { type Period, PeriodError, parsePeriod } from '../../observe/usage/period.js';
import { CliError, usageError } from '../failure.js';
import { localZone } from '../times.js';

/** Flags that select rows of `request_logs`. */
export interface RequestFlags {
  since: string;
  until?: string;
  key?: string;
  team?: string;
  user?: string;
  tag?: string;
  model?: string;
  provider?: string;
  utc?: boolean;
}

export function addRequestFilters(command: Command, defaultSince: string): Command {
  return command
    .option('--since <time>', 'an age (24h, 7d, 30m) or a time in ISO 8601', defaultSince)
    .option('--until <time>', 'as --since; by default now')
    .option('--key <name>', 'only requests of this key; * matches any characters')
    .option('--team <name>', 'only requests of keys of this team; * as above')
    .option('--user <name>', 'only requests of this end user; * as above')
    .option('--tag <tag>', 'only requests with this tag; * as above')
    .option('--model <name>', 'only requests for this model; * as above')
    .option('--provider <name>', 'only requests to this provider; * as above')
    .option('--utc', 'times in UTC instead of local time');
}

/** @throws CliError: a usage error that names the flag. */
export function filterOf({ since, until, utc, ...flags }: RequestFlags): RequestFilter {
  const { key = null, team = null, user = null, tag = null } = flags;
  const { model = null, provider = null } = flags;
  try {
    const period = parsePeriod(since, until, new Date(), !utc);
    return { ...period, key, team, user, tag, model, provider };
  } catch (error) {
    throw error instanceof PeriodError ? usageError(`--${error.field}: ${error.message}`) : error;
  }
}

/**
 * The period from a time until a filter's period begins.
 * @throws CliError: a usage error.
 */
export function comparedPeriod(
  text: string,
  { since }: RequestFilter,
  { utc }: RequestFlags,
): Period {
  try {
    return parsePeriod(text, since.toISOString(), new Date(), !utc);
  } catch (error) {
    throw error instanceof PeriodError ? usageError(`--compare: ${error.message}`) : error;
  }
}

/** Admin API parameters whose names differ from the filter's members. */
const parameterNames: Readonly<Record<string, string>> = {
  requestId: 'id',
  minDurationMs: 'min_duration_ms',
  minCostNano: 'min_cost_nano',
  maxCostNano: 'max_cost_nano',
};

/** The same filter as parameters of the admin API. */
export function parametersOf({ since, until, ...others }: RequestFilter): URLSearchParams {
  const parameters = new URLSearchParams({
    since: since.toISOString(),
    until: until.toISOString(),
  });
  for (const [name, value] of Object.entries(others)) {
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    parameters.set(parameterNames[name] ?? name, String(value));
  }
  return parameters;
}

/** IANA name of the time zone for input and output. */
export function timeZoneOf({ utc }: RequestFlags): string {
  return utc ? 'UTC' : localZone();
}

/** Adds advice to the error of a report that exceeds its limits. */
export async function orTooMuch<T>(report: Promise<T>): Promise<T> {
  return await report.catch((error: unknown) => {
    if (!(error instanceof ReportError)) throw error;
    throw new CliError(`the report was cancelled: ${error.message}`, {
      hint: 'ask for a shorter period, or filter it by --key, --team, --model or --provider',
    });
  });
}
