import { timePattern } from './time-pattern.js';

/**
 * Chargeable units. Tokens are priced per million, all other units per one; `hour` is an hour of
 * provider time, for self-hosted servers.
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
const otherUnits = [
  ...(['request', 'image', 'character', 'second'] as const),
  ...(['search', 'file_search', 'container', 'hour'] as const),
] as const;
export const unitNames = [...tokenUnits, ...otherUnits] as const;
export type UnitName = (typeof unitNames)[number];

/**
 * Rates in whole nano-dollars: per million tokens, or per one of another unit. A token class
 * without its own rate falls back to the class that contains it: `cache_write_1h` to
 * `cache_write_5m`, other input to `input`, other output to `output`. Any other unit is free.
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

/** Price of a model from a day on: a row of `prices`, or an entry of an override file. */
export interface Price {
  /** Unique. */
  name: string;
  /** The model name sent to the provider, or a wildcard. */
  model: string;
  /** The provider that the price applies to; null: any. */
  provider_key: string | null;
  /** ISO 8601; null: always. */
  valid_from: string | null;
  rates: Rates;
  /** Rates for service tiers other than the standard one. */
  service_tiers: TierRates;
  context_tiers: ContextTier[];
  /** The context window. */
  max_input_tokens: number | null;
  /** Maximum output of the model. */
  max_output_tokens: number | null;
  /** Source of the price: `operator`, `litellm`. */
  source: string;
}

/** Model names that a bundled price applies to. */
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
  /** Its own output has no pictures: `image_output` is the rate of a tool. */
  readonly picturesByTool: boolean;
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
  /** Surcharge on each. */
  readonly markupPercent: number;
}

const rate = { type: 'integer', minimum: 0, maximum: 1_000_000_000_000_000 } as const;

/** JSON Schema of `Rates`. */
export const ratesSchema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(unitNames.map((name) => [name, rate])),
} as const;

const serviceTiers = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(pricedTiers.map((name) => [name, ratesSchema])),
} as const;

const maxTokens = {
  type: ['integer', 'null'],
  minimum: 1,
  maximum: 1_000_000_000,
} as const;

export const priceProperties = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'Unique name of the price, such as that of its model.',
  },
  model: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'The model as it is sent to the provider: a name or a wildcard.',
  },
  provider_key: {
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 64,
    description: 'The provider whose price it is; null is any.',
  },
  valid_from: {
    type: ['string', 'null'],
    pattern: timePattern,
    description:
      'When it begins: ISO 8601 with a time zone, or a day in UTC; null is always. Of several, the latest that has begun counts.',
  },
  rates: {
    ...ratesSchema,
    description:
      'Whole nano-dollars (a dollar is 1,000,000,000): for a million tokens, or for one `request`, `image`, `second` of audio, `search` or `hour` of the provider’s time. Empty is free.',
  },
  service_tiers: {
    ...serviceTiers,
    description: 'Rates that differ for `batch`, `flex` and `priority`.',
  },
  context_tiers: {
    type: 'array',
    maxItems: 20,
    items: {
      type: 'object',
      required: ['above_tokens', 'rates'],
      additionalProperties: false,
      properties: {
        above_tokens: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
        rates: ratesSchema,
        service_tiers: serviceTiers,
      },
    },
    description: 'Rates of requests with more input tokens than `above_tokens`.',
  },
  max_input_tokens: {
    ...maxTokens,
    description: 'The context window, in tokens; for the most that a request can cost.',
  },
  max_output_tokens: { ...maxTokens, description: 'The most tokens that the model writes.' },
  source: {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    description: 'Who says so, such as `operator` or `litellm`.',
  },
} as const;

/** Defaults of a new row. */
export const newPrice = {
  provider_key: null,
  valid_from: null,
  rates: {},
  service_tiers: {},
  context_tiers: [],
  max_input_tokens: null,
  max_output_tokens: null,
  source: 'operator',
} satisfies Partial<Price>;
