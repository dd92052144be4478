import {
  newPrice,
  type Price,
  type PricedTier,
  pricedTiers,
  type UnitName,
} from '../rows/price.js';
import { asRecord } from './values.js';

export interface ImportedPrices {
  prices: Price[];
  /** Names of entries that hold no price of a unit that is charged here. */
  skipped: string[];
}

/** LiteLLM's names of rates, and how many of our units each is for. */
const units: readonly [name: string, unit: UnitName, per: number][] = [
  ['input_cost_per_token', 'input', 1_000_000],
  ['cache_read_input_token_cost', 'cache_read', 1_000_000],
  ['cache_creation_input_token_cost', 'cache_write_5m', 1_000_000],
  ['cache_creation_input_token_cost_above_1hr', 'cache_write_1h', 1_000_000],
  ['input_cost_per_audio_token', 'audio_input', 1_000_000],
  ['input_cost_per_image_token', 'image_input', 1_000_000],
  ['output_cost_per_token', 'output', 1_000_000],
  ['output_cost_per_reasoning_token', 'reasoning', 1_000_000],
  ['output_cost_per_audio_token', 'audio_output', 1_000_000],
  ['output_cost_per_image_token', 'image_output', 1_000_000],
  ['output_cost_per_image', 'image', 1],
  ['input_cost_per_image', 'image', 1],
  ['input_cost_per_character', 'character', 1],
  ['input_cost_per_second', 'second', 1],
  ['output_cost_per_second', 'second', 1],
  ['input_cost_per_query', 'search', 1],
  ['input_cost_per_request', 'request', 1],
];

/**
 * Reads LiteLLM's `model_prices_and_context_window.json`. Models go by their own names, without the
 * provider before a slash; of two that are called alike then, the first counts.
 * @param providerKey the provider whose prices these become; null: any.
 * @param only says which entries are read.
 */
export function importLitellmPrices(
  file: unknown,
  providerKey: string | null,
  only: (name: string) => boolean,
): ImportedPrices {
  const prices = new Map<string, Price>();
  const skipped: string[] = [];
  for (const [key, value] of Object.entries(asRecord(file))) {
    if (key === 'sample_spec' || !only(key)) continue;
    const entry = asRecord(value);
    const price = readEntry(modelOf(key, entry), entry, providerKey);
    if (price === null) skipped.push(key);
    else if (!prices.has(price.name)) prices.set(price.name, price);
  }
  return { prices: [...prices.values()], skipped };
}

function modelOf(key: string, { litellm_provider }: Record<string, unknown>): string {
  const prefix = `${litellm_provider}/`;
  return key.startsWith(prefix) ? key.slice(prefix.length) : key;
}

function readEntry(
  model: string,
  entry: Record<string, unknown>,
  provider_key: string | null,
): Price | null {
  const rates = ratesIn(entry, '');
  if (Object.keys(rates).length === 0) return null;
  const tiers = pricedTiers.flatMap((tier): [PricedTier, Price['rates']][] => {
    const own = ratesIn(entry, tier === 'batch' ? '_batches' : `_${tier}`);
    return Object.keys(own).length === 0 ? [] : [[tier, own]];
  });
  return {
    ...newPrice,
    name: provider_key === null ? model : `${provider_key}/${model}`,
    model,
    provider_key,
    rates,
    service_tiers: Object.fromEntries(tiers),
    context_tiers: contextTiers(entry),
    max_input_tokens: tokensIn(entry.max_input_tokens),
    max_output_tokens: tokensIn(entry.max_output_tokens ?? entry.max_tokens),
    source: 'litellm',
  };
}

function ratesIn(entry: Record<string, unknown>, suffix: string): Price['rates'] {
  const rates: Price['rates'] = {};
  for (const [name, unit, per] of units) {
    const dollars = entry[`${name}${suffix}`];
    if (!isDollars(dollars) || rates[unit] !== undefined) continue;
    rates[unit] = Math.round(dollars * per * 1_000_000_000);
  }
  if (suffix === '') addToolRates(rates, entry);
  return rates;
}

/** Prices of the provider's own tools; a search is of medium size where a request does not say. */
function addToolRates(rates: Price['rates'], entry: Record<string, unknown>): void {
  const sizes = asRecord(entry.search_context_cost_per_query);
  const search = sizes.search_context_size_medium;
  const thousand = entry.file_search_cost_per_1k_calls;
  if (isDollars(search)) rates.search ??= Math.round(search * 1_000_000_000);
  if (isDollars(thousand)) rates.file_search = Math.round(thousand * 1_000_000);
}

function isDollars(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

/** Such as `input_cost_per_token_above_200k_tokens`. */
function contextTiers(entry: Record<string, unknown>): Price['context_tiers'] {
  const sizes = new Set(
    Object.keys(entry).flatMap((name) => /_above_(\d+)k_tokens$/.exec(name)?.[1] ?? []),
  );
  return [...sizes]
    .map(Number)
    .sort((a, b) => a - b)
    .map((size) => ({
      above_tokens: size * 1_000,
      rates: ratesIn(entry, `_above_${size}k_tokens`),
    }));
}

function tokensIn(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
