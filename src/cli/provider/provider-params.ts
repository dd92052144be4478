import type { Command } from 'commander';
import { collect, wholeNumber } from '../arguments.js';
import { usageError } from '../failure.js';

/** Flags that set `provider_params`. */
export interface ParamFlags {
  priority?: number;
  maxConcurrency?: number;
  timeout?: string[];
  header?: string[];
  param?: string[];
}

const timeoutKinds = ['connect', 'first-byte', 'idle', 'total'];
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export function addParamOptions(command: Command): void {
  command
    .option(
      '--priority <n>',
      'used only when all lower numbers fail; 0 by default',
      wholeNumber('--priority', 0, 1_000),
    )
    .option(
      '--max-concurrency <n>',
      'maximum requests in flight to it',
      wholeNumber('--max-concurrency', 1, 1_000_000),
    )
    .option(
      '--timeout <kind=time>',
      `${timeoutKinds.join(', ')}, such as total=90s; repeatable`,
      collect,
    )
    .option('--header <name:value>', 'an extra request header; repeatable', collect)
    .option('--param <name=value>', 'any of provider_params, as JSON; repeatable', collect);
}

/**
 * The flags as a JSON Merge Patch of a row's `provider_params`, in which an empty value removes an
 * entry. Undefined if no flag changes one.
 */
export function paramsPatch(flags: ParamFlags): Record<string, unknown> | undefined {
  const changes: ParamChange[] = [];
  if (flags.priority !== undefined) changes.push([['priority'], flags.priority]);
  if (flags.maxConcurrency !== undefined) changes.push([['max_concurrency'], flags.maxConcurrency]);
  for (const text of flags.timeout ?? []) changes.push(timeoutOf(text));
  for (const text of flags.header ?? []) changes.push(headerOf(text));
  for (const text of flags.param ?? []) changes.push(paramOf(text));
  if (changes.length === 0) return undefined;
  return changes.reduce((patch, [path, value]) => withValue(patch, path, value), {});
}

type ParamChange = [path: string[], value: unknown];

function timeoutOf(text: string): ParamChange {
  const [, kind = '', digits = '', unit = ''] =
    /^([a-z-]+)=(?:(\d{1,8})(ms|s|m|h))?$/.exec(text) ?? [];
  if (!timeoutKinds.includes(kind)) {
    throw usageError(
      `--timeout: "${text}" is not of the form kind=time`,
      `for example: --timeout total=90s; kinds: ${timeoutKinds.join(', ')}`,
    );
  }
  const field = `${kind.replace('-', '_')}_ms`;
  return [['timeouts', field], unit ? Number(digits) * (unitMs[unit] ?? 1) : null];
}

/** The value is a secret: no message quotes it. */
function headerOf(text: string): ParamChange {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0)).trim();
  if (name === '') {
    throw usageError(
      '--header: it is not of the form "name: value"',
      'for example: --header "x-team: research"',
    );
  }
  return [['headers', name], text.slice(colon + 1).trim() || null];
}

function paramOf(text: string): ParamChange {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).split('.');
  if (path.some((name) => name === '')) {
    throw usageError(
      '--param: it is not of the form name=value',
      'for example: --param stream_usage=false, or --param probe.interval_ms=30000',
    );
  }
  const value = text.slice(equals + 1);
  if (value === '') return [path, null];
  try {
    return [path, JSON.parse(value)];
  } catch {
    return [path, value];
  }
}

/** A copy with a value set at a path. */
function withValue(
  params: Readonly<Record<string, unknown>>,
  [name = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (rest.length === 0) return { ...params, [name]: value };
  const before = params[name];
  return {
    ...params,
    [name]: withValue(before instanceof Object ? { ...before } : {}, rest, value),
  };
}
