/**
 * What is charged for. Tokens are priced by the million, everything else by one; `hour` is an hour
 * of the provider's time, for servers of one's own.
 */
const tokenUnits = [
  'input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'audio_input',
  'image_input',
  'output',
  'reasoning',
  'audio_output',
  'image_output',
] as const;
const otherUnits = ['request', 'image', 'second', 'search', 'hour'] as const;
export const unitNames = [...tokenUnits, ...otherUnits] as const;
export type UnitName = (typeof unitNames)[number];

/**
 * Whole nano-dollars: for a million tokens, or for one of another unit. A class of tokens without a
 * rate of its own is charged as what it is part of: `cache_write_1h` as `cache_write_5m`, other
 * input as `input`, other output as `output`; any other unit is free.
 */
export type Rates = Partial<Record<UnitName, number>>;

export const pricedTiers = ['batch', 'flex', 'priority'] as const;
export type PricedTier = (typeof pricedTiers)[number];
export type TierRates = Partial<Record<PricedTier, Rates>>;

/** Rates of requests with more input tokens than `above_tokens`, for all of their tokens. */
export interface ContextTier {
  above_tokens: number;
  rates: Rates;
  service_tiers?: TierRates;
}

/** What a model costs from a day on: a row of `prices`, or an entry of an override file. */
export interface Price {
  /** Unique. */
  name: string;
  /** The model as it is sent: a name or a wildcard. */
  model: string;
  /** The provider whose price it is; null: any. */
  provider_key: string | null;
  /** ISO 8601; null: always. */
  valid_from: string | null;
  rates: Rates;
  /** Rates that differ where the provider charges another one than the standard. */
  service_tiers: TierRates;
  context_tiers: ContextTier[];
  /** The context window. */
  max_input_tokens: number | null;
  /** The most that the model writes. */
  max_output_tokens: number | null;
  /** Who says so: `operator`, `litellm`. */
  source: string;
}

/** Which names a bundled price is of. */
export type MatchLogic =
  | { and: MatchLogic[] }
  | { or: MatchLogic[] }
  | { equals: string }
  | { contains: string }
  | { starts_with: string }
  | { ends_with: string }
  | { regex: string };

/** A model with bundled prices. */
export interface CatalogModel {
  readonly match: MatchLogic;
  readonly prices: readonly Price[];
}

/** The prices that a provider's requests are charged with. */
export interface PriceSheet {
  /** Names the content. */
  readonly revision: string;
  /** The operator's, of all providers. */
  readonly own: readonly Price[];
  /** The bundled ones, of this kind of provider. */
  readonly catalog: readonly CatalogModel[];
  /** What is added to each. */
  readonly markupPercent: number;
}
