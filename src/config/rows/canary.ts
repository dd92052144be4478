import type { RowCheck } from './row-check.js';
import { timePattern, timeProblems } from './time-pattern.js';

/** `running`: at a step; the others no longer move by themselves. */
const canaryStates = ['running', 'finished', 'rolled_back', 'stopped'] as const;
export type CanaryState = (typeof canaryStates)[number];

/**
 * Moves the requests of a provider to another one, or to another model, step by step: a row of
 * `canaries`, or an entry of an override file.
 */
export interface Canary {
  /** Row id; null or absent for one that exists only in an override file. */
  id?: number | null;
  /** Unique. */
  name: string;
  /** Clients' name of the model whose requests move; null: every model of `from_provider`. */
  model: string | null;
  /** A `provider_key`. */
  from_provider: string;
  to_provider: string;
  /** Clients' name of the model that moved requests are served as; null: their own. */
  to_model: string | null;
  /** Percent of the requests at each step, ascending. */
  steps: number[];
  /** Minimum time at each step. */
  step_seconds: number;
  /** Minimum requests before a step can succeed. */
  min_requests: number;
  /** Maximum failures in percent; null: no bound. */
  max_error_percent: number | null;
  /** Maximum time to the first byte for 95 % of the answers; null: no bound. */
  max_latency_ms: number | null;
  state: CanaryState;
  /** The place in `steps`. */
  step: number;
  /** Time of the last change of `step` or `state`, ISO 8601; null: not yet begun. */
  changed_at: string | null;
  /** Reason of a rollback or stop; null otherwise. */
  reason: string | null;
}

const name = {
  type: 'string',
  minLength: 1,
  maxLength: 100,
  pattern: '^(?!\\d+$)[^\\u0000-\\u001f\\u007f]+$',
} as const;
const providerKey = { type: 'string', minLength: 1, maxLength: 64 } as const;
const model = { type: ['string', 'null'], minLength: 1, maxLength: 200 } as const;

export const canaryProperties = {
  name: {
    ...name,
    description: 'Unique name of the canary; not only digits, which would be taken for an id.',
  },
  model: {
    ...model,
    description:
      'The model whose requests move, by the name that clients use; null is every model of `from_provider`.',
  },
  from_provider: { ...providerKey, description: 'The provider that requests are taken from.' },
  to_provider: {
    ...providerKey,
    description: 'The provider that they go to; the same one where only the model changes.',
  },
  to_model: {
    ...model,
    description:
      'The model that moved requests are served as, by the name that clients use; null is their own.',
  },
  steps: {
    type: 'array',
    items: { type: 'number', exclusiveMinimum: 0, maximum: 100 },
    minItems: 1,
    maxItems: 20,
    uniqueItems: true,
    description:
      'Percent of the requests at each step, ascending; by default 1, 5, 25, 50 and 100.',
  },
  step_seconds: {
    type: 'integer',
    minimum: 1,
    maximum: 2_592_000,
    description: 'The least time at each step.',
  },
  min_requests: {
    type: 'integer',
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'The fewest moved requests at a step before the next one.',
  },
  max_error_percent: {
    type: ['number', 'null'],
    minimum: 0,
    maximum: 100,
    description: 'It goes back when surely more than this fail; null is no bound.',
  },
  max_latency_ms: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 86_400_000,
    description:
      'It goes back when surely more than 5 % of the answers take longer to begin; null is no bound.',
  },
  state: {
    type: 'string',
    enum: canaryStates,
    description: '`running` and `finished` ones move requests; the gateway itself changes it.',
  },
  step: { type: 'integer', minimum: 0, maximum: 19, description: 'The place in `steps`, from 0.' },
  changed_at: {
    type: ['string', 'null'],
    pattern: timePattern,
    description: 'When the step or state began.',
  },
  reason: {
    type: ['string', 'null'],
    maxLength: 500,
    description: 'Why it was rolled back or stopped.',
  },
} as const;

export const newCanary = {
  model: null,
  to_model: null,
  steps: [1, 5, 25, 50, 100],
  step_seconds: 600,
  min_requests: 10,
  max_error_percent: 5,
  max_latency_ms: null,
  state: 'running',
  step: 0,
  changed_at: null,
  reason: null,
} satisfies Partial<Canary>;

export const canaryChecks: readonly RowCheck<Canary>[] = [
  { of: ['changed_at'], problems: ({ changed_at }) => timeProblems('changed_at', changed_at) },
  {
    of: ['steps'],
    problems: ({ steps }) =>
      steps.some((percent, index) => index > 0 && percent <= (steps[index - 1] ?? 0))
        ? [['steps', 'must ascend']]
        : [],
  },
  {
    of: ['steps', 'step'],
    problems: ({ steps, step }) =>
      step >= steps.length ? [['step', `there are only ${steps.length} steps`]] : [],
  },
  {
    of: ['from_provider', 'to_provider', 'to_model'],
    problems: ({ from_provider, to_provider, to_model }) =>
      from_provider === to_provider && to_model === null
        ? [['to_provider', 'is from_provider, so to_model must name another model']]
        : [],
  },
];

/** Percent of the requests that a canary moves now. */
export function percentOf({ state, steps, step }: Canary): number {
  return state === 'running' || state === 'finished' ? (steps[step] ?? 0) : 0;
}
