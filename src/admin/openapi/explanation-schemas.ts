import { unitNames } from '../../config/rows/price.js';
import { guardrailOutcome, object } from './schemas.js';

const text = { type: 'string' };

const textOrNull = { type: ['string', 'null'] };

const integer = { type: 'integer' };

const number = { type: 'number' };

const numberOrNull = { type: ['number', 'null'] };

const yes = { type: 'boolean' };

const yesOrNull = { type: ['boolean', 'null'] };

const list = (items: object) => ({ type: 'array', items });

const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });

const attempted = object({
  provider: text,
  model_sent: text,
  outcome: text,
  status: { type: ['integer', 'null'] },
  reason: textOrNull,
  at_ms: number,
  took_ms: number,
});

const considered = object({
  provider: text,
  pattern: textOrNull,
  model_sent: text,
  weight: integer,
  priority: integer,
  ejected: yesOrNull,
  tried: yes,
  reason: text,
});

const costExplanation = object({
  cost_nano: { ...integer, description: 'Nano-dollars.' },
  cost: { ...text, description: 'The same in dollars, exact.' },
  currency: text,
  price_revision: { ...text, description: 'Names the price that it was made with.' },
  price: textOrNull,
  lines: {
    ...orNull(
      list(
        object({
          unit: { type: 'string', enum: unitNames },
          count: integer,
          rate: { ...integer, description: 'Nano-dollars for `per` of them.' },
          per: integer,
          cost: { ...integer, description: 'Nano-dollars; they add up to `cost_nano`.' },
        }),
      ),
    ),
    description: 'Class by class; null where the price is not known any more.',
  },
});

export const requestExplanation = object({
  request_id: text,
  trace_id: {
    ...textOrNull,
    description: 'Null where it was not traced, or only its row is kept.',
  },
  source: { type: 'string', enum: ['memory', 'row'] },
  daemon: { ...textOrNull, description: 'Id of the daemon that served it.' },
  started_at: { type: 'string', format: 'date-time' },
  endpoint: text,
  key: textOrNull,
  team: textOrNull,
  user: textOrNull,
  session: textOrNull,
  tags: list(text),
  model_asked: textOrNull,
  model_sent: textOrNull,
  provider: textOrNull,
  status: integer,
  error: textOrNull,
  stream: yes,
  complete: yes,
  total_ms: number,
  upstream_ms: number,
  first_token_ms: numberOrNull,
  attempts: integer,
  attempts_log: { ...orNull(list(attempted)), description: 'Null where only the row is kept.' },
  attempts_end: textOrNull,
  translated_to: textOrNull,
  lost: textOrNull,
  guardrails: { type: 'array', items: guardrailOutcome },
  candidates: {
    ...orNull(list(considered)),
    description: 'By the configuration that the request used; null where that is no longer kept.',
  },
  limits: orNull(object({ rate_limit: numberOrNull, used_in_second: integer })),
  tokens: orNull(object({ prompt: integer, completion: integer, source: text })),
  prompt_cache: {
    ...orNull(
      object({
        prefers: textOrNull,
        moved: yes,
        cached_tokens: integer,
        move_cost_nano: { type: ['integer', 'null'] },
      }),
    ),
    description:
      'What the provider had of the prompt in its prompt cache, which provider the session prefers, and what a move to another one costs; null where there is nothing to say.',
  },
  cache: {
    ...orNull(
      object({ result: text, age_ms: numberOrNull, saved_nano: { type: ['integer', 'null'] } }),
    ),
    description: 'Null where no answers are cached for the key.',
  },
  cost: {
    ...orNull(costExplanation),
    description: 'Null where no price was known, or no provider answered.',
  },
  config_version: { type: ['integer', 'null'] },
});

const candidate = object({
  provider: text,
  pattern: textOrNull,
  model_sent: text,
  weight: integer,
  priority: integer,
  state: text,
  until: textOrNull,
  in_flight: integer,
  max_concurrency: { type: ['integer', 'null'] },
  latency_ms: numberOrNull,
  translated: {
    ...list(text),
    description: 'The APIs whose requests are translated for it; it speaks the others itself.',
  },
  share: numberOrNull,
  reason: text,
});

export const modelExplanation = object({
  model_asked: text,
  prefix_removed: textOrNull,
  model: text,
  allowed: yes,
  allowed_by: textOrNull,
  strategy: text,
  max_attempts: integer,
  routes: list(
    object({
      model: text,
      fallback: yes,
      translated: {
        ...yes,
        description: 'With `endpoint`: whether its providers are asked in another API.',
      },
      skipped: textOrNull,
      candidates: list(candidate),
      others: list(object({ provider: text, reason: text })),
    }),
  ),
  error: textOrNull,
  key: orNull(
    object({ name: text, is_enabled: yes, rate_limit: numberOrNull, used_in_second: integer }),
  ),
  config_version: integer,
});
