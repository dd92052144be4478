import { type BudgetWindow, budgetWindows, type Selectors, selectorsSchema } from './budget.js';

/** A sample of clients' requests that is also sent elsewhere: a row of `mirrors`, or an entry of an override file. */
export interface Mirror {
  /** Unique. */
  name: string;
  /** Selects the requests; `provider` is the one that answered the client. */
  applies_to: Selectors;
  /** A `provider_key` that is sent the copies; null: whichever serves the model. */
  provider: string | null;
  /** Clients' name of the model that the copies ask for; null: that of the request. */
  model: string | null;
  /** Above 0, at most 100. */
  sample_percent: number;
  /** Maximum copies in flight, over all workers of a daemon. */
  max_concurrency: number;
  /** Nano-dollars that copies may cost in a window; null: no limit. */
  budget: number | null;
  window: BudgetWindow;
  /** URL that pairs of answers are posted to, to be scored; null: none. */
  webhook: string | null;
  is_enabled: boolean;
}

export const mirrorProperties = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    pattern: '^(?!\\d+$)[^\\u0000-\\u001f\\u007f]+$',
    description: 'Unique name of the mirror; not only digits, which would be taken for an id.',
  },
  applies_to: {
    ...selectorsSchema,
    description:
      'Whose requests are mirrored; `provider` is the one that answered the client. Of several all must match, empty is all requests.',
  },
  provider: {
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 64,
    description: 'The provider that is sent the copies; null is whichever serves the model.',
  },
  model: {
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 200,
    description:
      'The model that the copies ask for, by the name that clients use; null is that of the request.',
  },
  sample_percent: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 100,
    description: 'Percent of the requests that are mirrored.',
  },
  max_concurrency: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    description: 'Copies under way at most; while there are as many, requests are not mirrored.',
  },
  budget: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 1_000_000_000_000_000,
    description:
      'What the copies may cost in a window, in whole nano-dollars; null is no limit. No client pays for them.',
  },
  window: {
    type: 'string',
    enum: budgetWindows,
    description: 'What the budget is for, as of budgets.',
  },
  webhook: {
    type: ['string', 'null'],
    pattern: '^https?://[^\\s]+$',
    maxLength: 2_000,
    description:
      'URL that both answers are posted to, as JSON; it may answer with a `score` from 0 to 1.',
  },
  is_enabled: { type: 'boolean', description: 'False keeps the row but does not use it.' },
} as const;

export const newMirror = {
  applies_to: {},
  provider: null,
  model: null,
  sample_percent: 1,
  max_concurrency: 10,
  budget: null,
  window: 'day',
  webhook: null,
  is_enabled: true,
} satisfies Partial<Mirror>;
