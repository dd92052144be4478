import { type Rates, ratesSchema } from './price.js';

export const budgetWindows = ['day', 'week', 'month', 'total'] as const;
export type BudgetWindow = (typeof budgetWindows)[number];

export const budgetModes = ['hard', 'soft'] as const;
export type BudgetMode = (typeof budgetModes)[number];

/** Selects requests: those that match every given name. */
export interface Selectors {
  /** Name of a key. */
  key?: string;
  team?: string;
  /** An end user. */
  user?: string;
  tag?: string;
  /** Clients' name of the model, or a wildcard. */
  model?: string;
  /** A `provider_key`. */
  provider?: string;
}

/** A limit of spend: a row of `budgets`, or an entry of an override file. */
export interface Budget {
  /** Row id; null or absent for one that exists only in an override file. */
  id?: number | null;
  /** Unique. */
  name: string;
  /** Nano-dollars. */
  amount: number;
  /** Period of the budget; it begins at midnight UTC, a week on Monday. */
  window: BudgetWindow;
  /** `hard`: a request is refused unless the most it can cost fits; `soft`: only alerts. */
  mode: BudgetMode;
  applies_to: Selectors;
  /** Percentages of the amount that send an alert, once in each window. */
  alerts: number[];
  /** URL that alerts are posted to; null: none. */
  webhook: string | null;
  /** Price of models without one; null: they are refused under a hard budget. */
  ceiling: Rates | null;
  is_enabled: boolean;
}

const name = { type: 'string', minLength: 1, maxLength: 200 } as const;

export const selectorsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { key: name, team: name, user: name, tag: name, model: name, provider: name },
} as const;

export const budgetProperties = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    pattern: '^(?!\\d+$)[^\\u0000-\\u001f\\u007f]+$',
    description: 'Unique name of the budget; not only digits, which would be taken for an id.',
  },
  amount: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000_000_000_000,
    description: 'What may be spent, in whole nano-dollars: a dollar is 1,000,000,000.',
  },
  window: {
    type: 'string',
    enum: budgetWindows,
    description:
      'What the amount is for; days, weeks (from Monday) and months begin at 0:00 in UTC, `total` is for ever.',
  },
  mode: {
    type: 'string',
    enum: budgetModes,
    description:
      '`hard` (default): a request is refused unless the most that it can cost fits into what is left; `soft`: alerts only.',
  },
  applies_to: {
    ...selectorsSchema,
    description:
      'Whose requests it is for, by `key`, `team`, `user`, `tag`, `model` (a name or a wildcard) and `provider`; of several all must match, empty is all requests.',
  },
  alerts: {
    type: 'array',
    items: { type: 'integer', minimum: 1, maximum: 1_000 },
    maxItems: 20,
    uniqueItems: true,
    description:
      'Percentages of the amount that send an alert, once each; by default 50, 80 and 100.',
  },
  webhook: {
    type: ['string', 'null'],
    pattern: '^https?://[^\\s]+$',
    maxLength: 2_000,
    description: 'URL that alerts are posted to, as JSON.',
  },
  ceiling: {
    anyOf: [ratesSchema, { type: 'null' }],
    description:
      'Rates that models without a price are charged with; null refuses them under a hard budget.',
  },
  is_enabled: { type: 'boolean', description: 'False keeps the row but does not use it.' },
} as const;

/** Defaults of a new row. */
export const newBudget = {
  window: 'month',
  mode: 'hard',
  applies_to: {},
  alerts: [50, 80, 100],
  webhook: null,
  ceiling: null,
  is_enabled: true,
} satisfies Partial<Budget>;
