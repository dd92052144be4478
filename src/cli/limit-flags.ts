import type { Command } from 'commander';
import {
  type LimitAmounts,
  type LimitName,
  type Limits,
  limitNames,
} from '../config/rows/limits.js';
import { collect, wholeNumber } from './arguments.js';
import { usageError } from './failure.js';

const maxAmount = 1_000_000_000_000;

/** The values of the flags, by the names that commander gives them. */
export interface AmountFlags extends Partial<Record<string, unknown>> {
  maxConcurrency?: number | 'none';
  modelLimit?: string[];
}

/** Flags for all limits of requests, tokens and concurrency. */
export function addAmountOptions(command: Command): Command {
  for (const name of limitNames) {
    const flag = flagOf(name);
    const what = name.replaceAll('_', ' ');
    command.option(`${flag} <n>`, `${what}; none: unlimited`, amount(flag));
  }
  return command
    .option(
      '--max-concurrency <n>',
      'requests under way at once; none: unlimited',
      amount('--max-concurrency', 1_000_000),
    )
    .option(
      '--model-limit <model:limit=n>',
      'a limit of a model, such as "gpt-4*:tokens_per_minute=1000"; n may be none; repeatable',
      collect,
    );
}

/**
 * The limits after the flags; undefined if no flag is given.
 * @throws CliError: a usage error that names the flag.
 */
export function limitsAfter(before: Limits, flags: AmountFlags): Limits | undefined {
  const limits: Limits = { ...before };
  let isChanged = false;
  const set = (name: LimitName | 'max_concurrency', value: unknown) => {
    if (value === undefined) return;
    isChanged = true;
    if (value === 'none') delete limits[name];
    else limits[name] = Number(value);
  };
  for (const name of limitNames) set(name, flags[optionOf(name)]);
  set('max_concurrency', flags.maxConcurrency);
  for (const text of flags.modelLimit ?? []) {
    isChanged = true;
    limits.models = withModelLimit(limits.models ?? {}, text);
  }
  if (limits.models && Object.keys(limits.models).length === 0) delete limits.models;
  return isChanged ? limits : undefined;
}

/** Limits for people, such as `100 requests per minute, 8 at once`. */
export function limitsText(limits: Limits): string {
  const { models = {}, max_concurrency } = limits;
  const parts = amountsOf(limits);
  if (max_concurrency !== undefined) parts.push(`${max_concurrency} at once`);
  for (const [model, amounts] of Object.entries(models)) {
    parts.push(`${model}: ${amountsOf(amounts).join(', ')}`);
  }
  return parts.join(', ') || 'none';
}

function amountsOf(amounts: LimitAmounts): string[] {
  return limitNames.flatMap((name) => {
    const value = amounts[name];
    return value === undefined ? [] : `${value} ${name.replaceAll('_', ' ')}`;
  });
}

function withModelLimit(models: NonNullable<Limits['models']>, text: string) {
  const [, model = '', written = '', value = ''] = /^(.+):([a-z_-]+)=(\w+)$/.exec(text) ?? [];
  const name = limitNames.find((one) => one === written.replaceAll('-', '_'));
  if (!name) {
    throw usageError(
      `--model-limit: "${text}" is not of the form model:limit=n`,
      `for example: --model-limit "gpt-4*:tokens_per_minute=1000"; limits: ${limitNames.join(', ')}`,
    );
  }
  const { [name]: _, ...others } = models[model] ?? {};
  const parsed = amount('--model-limit')(value);
  const amounts = parsed === 'none' ? others : { ...others, [name]: parsed };
  const { [model]: __, ...rest } = models;
  return Object.keys(amounts).length === 0 ? rest : { ...rest, [model]: amounts };
}

function amount(flag: string, max = maxAmount): (text: string) => number | 'none' {
  return (text) => (text === 'none' ? text : wholeNumber(flag, 1, max)(text));
}

function flagOf(name: LimitName): string {
  return `--${name.replaceAll('_', '-')}`;
}

/** `tokens_per_minute` → `tokensPerMinute`. */
function optionOf(name: LimitName): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
