import { object } from './schemas.js';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const nano = { type: 'integer', description: 'Nano-dollars of the requests whose price is known.' };
const list = (items: object) => ({ type: 'array', items });
const nullable = { type: ['string', 'null'] };

const providers = {
  ...list(object({ provider: text, before: count, after: count })),
  description: 'Requests that each provider answered, and would answer.',
};
const sums = {
  requests: count,
  moved: {
    ...count,
    description: 'Would be answered by another provider, or by another model of it.',
  },
  refused_before: count,
  refused_after: count,
  cost_before_nano: nano,
  cost_after_nano: nano,
  providers,
};

/** Effect of the planned configuration on stored requests. */
export const replaySchema = {
  ...object({
    since: { type: 'string', format: 'date-time' },
    until: { type: 'string', format: 'date-time' },
    complete: {
      type: 'boolean',
      description: 'False where there were too many requests: those before `until` were replayed.',
    },
    ...sums,
    refusals: list(
      object({
        code: { ...text, description: 'The code of the error.' },
        before: count,
        after: count,
        by: {
          ...list(object({ name: text, requests: count })),
          description: 'The limits, budgets, models or kill switches that would refuse.',
        },
      }),
    ),
    groups: list(object({ team: nullable, model: nullable, ...sums, unpriced: count })),
    unknown: { ...list(text), description: 'What cannot be known, in sentences.' },
  }),
  description: 'With `replay` only.',
};
