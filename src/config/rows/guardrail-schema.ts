import { selectorsSchema } from './budget.js';
import { guardrailKinds, guardrailModes, onErrors, phases, piiEntities } from './guardrail.js';

const { key, team, model } = selectorsSchema.properties;

const wildcards = {
  type: 'array',
  maxItems: 200,
  items: { type: 'string', minLength: 1, maxLength: 200 },
} as const;

const patternSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'pattern'],
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z][a-z0-9_]{0,23}$',
      description: 'What it finds, for rows, metrics and placeholders.',
    },
    pattern: {
      type: 'string',
      minLength: 1,
      maxLength: 2_000,
      description: "Regular expression in RE2's syntax, which has no lookaround or back reference.",
    },
    ignore_case: { type: 'boolean', description: 'Take upper and lower case for the same.' },
  },
} as const;

export const guardrailConfigProperties = {
  patterns: {
    type: 'array',
    minItems: 1,
    maxItems: 100,
    items: patternSchema,
    description:
      'regex: the patterns to find. New ones may compile to 500 instructions each, and 2,000 together.',
  },
  action: {
    type: 'string',
    enum: ['deny', 'redact'],
    description:
      'regex, pii: refuse texts with a match, or replace the match by a placeholder such as `[EMAIL_1]`. Default: `deny` for regex, `redact` for pii.',
  },
  restore: {
    type: 'boolean',
    description: 'regex, pii: restore in the answer what was replaced in the prompt.',
  },
  entities: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { type: 'string', enum: piiEntities },
    description: 'pii: the kinds of data to find; default: all.',
  },
  url: {
    type: 'string',
    pattern: '^https?://[^\\s@]+$',
    maxLength: 2_000,
    description: 'webhook: URL that receives the texts.',
  },
  secret: {
    type: 'string',
    pattern: '^(?:env:|file:/).+$',
    maxLength: 500,
    description: 'webhook: reference (`env:NAME`, `file:/path`) to the secret that signs requests.',
  },
  window_chars: {
    type: 'integer',
    minimum: 50,
    maximum: 100_000,
    description: 'webhook, moderation: characters of a streamed answer that are checked at once.',
  },
  timeout_ms: {
    type: 'integer',
    minimum: 10,
    maximum: 60_000,
    description: 'webhook, moderation: the time that one check may take, retries included.',
  },
  retries: {
    type: 'integer',
    minimum: 0,
    maximum: 5,
    description: 'webhook: further attempts after a failure.',
  },
  max_concurrency: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000,
    description: 'webhook, moderation: checks that a worker has under way at once.',
  },
  model: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'moderation: the model that is asked, as clients name it.',
  },
  threshold: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'moderation: minimum score of a category; default: what the model flags.',
  },
  categories: { ...wildcards, description: 'moderation: the categories that count; default: all.' },
  allowed_tools: {
    ...wildcards,
    description: 'schema: tools that requests may offer; * is any text.',
  },
  denied_tools: { ...wildcards, description: 'schema: tools that they may not offer.' },
  allowed_file_types: {
    ...wildcards,
    description: 'schema: media types of images and files, such as `image/*`; [] allows none.',
  },
  max_prompt_chars: {
    type: 'integer',
    minimum: 1,
    maximum: 100_000_000,
    description: 'size: characters of all texts.',
  },
  max_messages: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    description: 'size: messages of a conversation.',
  },
  max_tools: {
    type: 'integer',
    minimum: 0,
    maximum: 100_000,
    description: 'size: tools that a request may offer.',
  },
} as const;

export const guardrailProperties = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    pattern: '^(?!\\d+$)[^\\u0000-\\u001f\\u007f]+$',
    description: 'Unique name of the guardrail; not only digits, which would be taken for an id.',
  },
  kind: {
    type: 'string',
    enum: guardrailKinds,
    description:
      '`regex`: patterns; `pii`: data of persons and secrets; `webhook`: a service of yours; `moderation`: a moderation model; `schema`: tools and file types; `size`: of prompts.',
  },
  mode: {
    type: 'string',
    enum: guardrailModes,
    description:
      '`enforce` (default): refuse and replace; `monitor`: tell in rows and metrics what would be refused or replaced.',
  },
  on_error: {
    type: 'string',
    enum: onErrors,
    description:
      'A request that cannot be checked, as when a webhook does not answer: `closed` (default) refuses it, `open` lets it pass and tells an error in its row.',
  },
  phases: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { type: 'string', enum: phases },
    description: 'What is checked: `request`, `answer`, or both (default).',
  },
  applies_to: {
    type: 'object',
    additionalProperties: false,
    properties: { key, team, model },
    description:
      'Whose requests are checked, by `key`, `team` and `model` (a name or a wildcard); of several all must match, empty is all requests.',
  },
  config: {
    type: 'object',
    additionalProperties: false,
    properties: guardrailConfigProperties,
    description: 'The settings of its kind.',
  },
  is_enabled: { type: 'boolean', description: 'False keeps the row but does not use it.' },
} as const;
