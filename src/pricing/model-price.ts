import { hash } from 'node:crypto';
import {
  type Price,
  type PricedTier,
  pricedTiers,
  type Rates,
  type TierRates,
  type UnitName,
  unitNames,
} from '../config/rows/price.js';
import { charge } from './money.js';

export type FullRates = Readonly<Record<UnitName, number>>;

/** The rates of requests with more than `above` input tokens. */
export interface Band {
  readonly above: number;
  readonly standard: FullRates;
  readonly tiers: Readonly<Partial<Record<PricedTier, FullRates>>>;
}

/** A price with every rate resolved, for charging requests. Plain data. */
export interface ModelPrice {
  /** Identifies the content: a price with a different rate has another revision. */
  readonly revision: string;
  readonly source: string;
  readonly name: string;
  /** Ascending; the first one starts at 0. */
  readonly bands: readonly Band[];
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  /** Its own output has no pictures: `image_output` is the rate of a tool. */
  readonly picturesByTool: boolean;
}

/** A hundredth of a percent. */
const basis = 10_000;

/**
 * Resolves every rate of a price.
 * @param markupPercent added to the provider's price; negative for a discount.
 */
export function settlePrice(price: Price, markupPercent = 0, picturesByTool = false): ModelPrice {
  const { name, source, rates, service_tiers, context_tiers } = price;
  const factor = basis + Math.round(markupPercent * 100);
  const tiers = [...context_tiers].sort((a, b) => a.above_tokens - b.above_tokens);
  const bands = [
    band(0, rates, service_tiers, factor),
    ...tiers.map((tier) =>
      band(
        tier.above_tokens,
        { ...rates, ...tier.rates },
        merged(service_tiers, tier.rates, tier.service_tiers),
        factor,
      ),
    ),
  ];
  const { max_input_tokens: maxInputTokens, max_output_tokens: maxOutputTokens } = price;
  const content = { name, bands, maxInputTokens, maxOutputTokens };
  const digest = hash('sha256', JSON.stringify(content)).slice(0, 12);
  return { revision: `${source}:${digest}`, source, picturesByTool, ...content };
}

/** A context tier wins over a service tier without rates for long contexts. */
function merged(ofAll: TierRates, long: Rates, own: TierRates = {}): TierRates {
  const tiers = pricedTiers.filter((tier) => ofAll[tier] || own[tier]);
  return Object.fromEntries(
    tiers.map((tier) => [tier, { ...ofAll[tier], ...(own[tier] ?? long) }]),
  );
}

function band(above: number, rates: Rates, tiers: TierRates, factor: number): Band {
  const full = Object.entries(tiers).map(([tier, own]) => [
    tier,
    settled({ ...rates, ...own }, factor),
  ]);
  return { above, standard: settled(rates, factor), tiers: Object.fromEntries(full) };
}

function settled(rates: Rates, factor: number): FullRates {
  const { input = 0, output = 0 } = rates;
  const { cache_write_5m = input } = rates;
  const absent: Rates = {
    cache_read: input,
    cache_write_5m,
    cache_write_1h: cache_write_5m,
    audio_input: input,
    image_input: input,
    reasoning: output,
    audio_output: output,
    image_output: output,
  };
  const rateOf = (unit: UnitName) => charge(rates[unit] ?? absent[unit] ?? 0, factor, basis);
  return Object.fromEntries(unitNames.map((unit) => [unit, rateOf(unit)])) as Record<
    UnitName,
    number
  >;
}

/** True if the cost depends on more than the number of requests and their duration. */
export function needsUsage({ bands }: ModelPrice): boolean {
  return bands.some(({ standard: { request, hour, ...others } }) =>
    Object.values(others).some((rate) => rate > 0),
  );
}

/** The rates for this many input tokens. */
export function ratesOf(
  { bands }: ModelPrice,
  inputTokens: number,
  tier: PricedTier | null,
): FullRates {
  let found = bands[0] as Band;
  for (const each of bands) if (inputTokens > each.above) found = each;
  return (tier && found.tiers[tier]) || found.standard;
}
