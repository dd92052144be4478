import { type Selectors, selectorsSchema } from './budget.js';

/** A kill switch that is thrown: requests that it matches are refused, and running ones end. */
export interface Stop {
  /** Unique. */
  name: string;
  applies_to: Selectors;
  /** For people; null: none was given. */
  reason: string | null;
}

export const stopProperties = {
  name: { type: 'string', minLength: 1, maxLength: 300, description: 'Unique name of the stop.' },
  applies_to: {
    ...selectorsSchema,
    minProperties: 1,
    description: 'Whose requests are refused, and end where they run.',
  },
  reason: { type: ['string', 'null'], maxLength: 500, description: 'Why; clients are shown it.' },
} as const;

export const newStop = { applies_to: {}, reason: null } satisfies Partial<Stop>;
