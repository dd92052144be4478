import type { Command } from 'commander';
import {
  type Price,
  type PricedTier,
  pricedTiers,
  type Rates,
  type UnitName,
  unitNames,
} from '../../config/rows/price.js';
import { parseDollars } from '../../pricing/money.js';
import { collect, wholeNumber } from '../arguments.js';
import { usageError } from '../failure.js';

export interface PriceFlags {
  model?: string;
  provider?: string;
  validFrom?: string;
  free?: boolean;
  tier?: string[];
  above?: string[];
  maxInputTokens?: number;
  maxOutputTokens?: number;
  [unit: string]: unknown;
}

const flagOf = (unit: UnitName) => unit.replaceAll('_', '-');
const memberOf = (unit: UnitName) =>
  unit.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Adds a flag for each rate, in dollars. */
export function addRateOptions(command: Command): Command {
  for (const unit of unitNames) {
    const of = descriptions[unit] ?? 'dollars per million tokens';
    command.option(`--${flagOf(unit)} <dollars>`, of, (text: string) =>
      dollars(flagOf(unit), text),
    );
  }
  return command
    .option('--free', 'nothing is charged')
    .option('--tier <tier:rate=dollars>', 'rate of a tier: batch, flex or priority', collect)
    .option('--above <tokens:rate=dollars>', 'rate of requests with more input tokens', collect)
    .option('--max-input-tokens <n>', 'the context window', wholeNumber('--max-input-tokens', 1))
    .option('--max-output-tokens <n>', 'the maximum output', wholeNumber('--max-output-tokens', 1));
}

const descriptions: Partial<Record<UnitName, string>> = {
  request: 'dollars per request',
  image: 'dollars per generated image',
  character: 'dollars per character of spoken text',
  second: 'dollars per second of audio',
  search: 'dollars per web search of the provider',
  file_search: 'dollars per file search of the provider',
  container: 'dollars per container in which the provider runs code',
  hour: 'dollars per hour of the provider’s time',
};

/** The fields of a price that the flags set; other rates stay. */
export function priceFields(flags: PriceFlags, before: Partial<Price>): Partial<Price> {
  const given: Rates = {};
  for (const unit of unitNames) {
    const nano = flags[memberOf(unit)];
    if (typeof nano === 'number') given[unit] = nano;
  }
  const hasRates = Object.keys(given).length > 0;
  if (flags.free && hasRates) throw usageError('--free and a rate cannot be used together');
  const rates = flags.free ? {} : { ...before.rates, ...given };
  return {
    ...(flags.model !== undefined && { model: flags.model }),
    ...(flags.provider !== undefined && {
      provider_key: flags.provider === 'any' ? null : flags.provider,
    }),
    ...(flags.validFrom !== undefined && { valid_from: flags.validFrom }),
    ...((flags.free || hasRates) && { rates }),
    ...(flags.tier && { service_tiers: tiersFrom(flags.tier) }),
    ...(flags.above && { context_tiers: contextTiersFrom(flags.above) }),
    ...(flags.maxInputTokens !== undefined && { max_input_tokens: flags.maxInputTokens }),
    ...(flags.maxOutputTokens !== undefined && { max_output_tokens: flags.maxOutputTokens }),
  };
}

function tiersFrom(texts: readonly string[]): Price['service_tiers'] {
  const tiers: Price['service_tiers'] = {};
  for (const text of texts) {
    const [name, unit, nano] = rateAt('--tier', text);
    if (!pricedTiers.some((tier) => tier === name)) {
      throw usageError(`--tier: "${name}" is not one of ${pricedTiers.join(', ')}`);
    }
    const tier = name as PricedTier;
    tiers[tier] = { ...tiers[tier], [unit]: nano };
  }
  return tiers;
}

function contextTiersFrom(texts: readonly string[]): Price['context_tiers'] {
  const tiers = new Map<number, Rates>();
  for (const text of texts) {
    const [tokens, unit, nano] = rateAt('--above', text);
    const above = wholeNumber('--above', 1)(tokens);
    tiers.set(above, { ...tiers.get(above), [unit]: nano });
  }
  return [...tiers].map(([above_tokens, rates]) => ({ above_tokens, rates }));
}

/** Such as `batch:input=1.25` or `200000:output=15`. */
function rateAt(flag: string, text: string): [name: string, unit: UnitName, nano: number] {
  const [, name = '', flagName = '', amount = ''] = /^([^:]+):([^=]+)=(.+)$/.exec(text) ?? [];
  const unit = unitNames.find((each) => flagOf(each) === flagName || each === flagName);
  if (!unit) throw usageError(`${flag}: "${text}" is not of the form NAME:RATE=DOLLARS`);
  return [name, unit, dollars(flag, amount)];
}

export function dollars(flag: string, text: string): number {
  const nano = parseDollars(text);
  if (nano !== null) return nano;
  throw usageError(`--${flag.replace(/^--/, '')}: "${text}" is not an amount in dollars`);
}
