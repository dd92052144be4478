/** Unit and period of a limit of requests or tokens. */
export const limitNames = [
  'requests_per_second',
  'requests_per_minute',
  'requests_per_day',
  'tokens_per_minute',
  'tokens_per_day',
  'input_tokens_per_minute',
  'input_tokens_per_day',
  'output_tokens_per_minute',
  'output_tokens_per_day',
] as const;
export type LimitName = (typeof limitNames)[number];

/** Amounts by limit; an absent limit is unlimited. */
export type LimitAmounts = Partial<Record<LimitName, number>>;

/** The limits of a key or a team. */
export interface Limits extends LimitAmounts {
  /** Maximum requests in flight, over all workers. */
  max_concurrency?: number;
  /** Further limits of models, by name or wildcard; the first that matches counts. */
  models?: Record<string, LimitAmounts>;
}

const amount = { type: 'integer', minimum: 1, maximum: 1_000_000_000_000 } as const;

const amounts = Object.fromEntries(limitNames.map((name) => [name, amount]));

/** JSON Schema of `Limits`. */
export const limitsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...amounts,
    max_concurrency: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    models: {
      type: 'object',
      maxProperties: 100,
      additionalProperties: { type: 'object', additionalProperties: false, properties: amounts },
    },
  },
} as const;
