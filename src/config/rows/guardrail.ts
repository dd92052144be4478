import { selectorsSchema } from './budget.js';
import { compileLinear } from './linear-pattern.js';
import { compileModelPattern } from './model-pattern.js';
import { parseReference } from '../secrets/secret-reference.js';

export const guardrailKinds = ['regex', 'pii', 'webhook', 'moderation', 'schema', 'size'] as const;
export type GuardrailKind = (typeof guardrailKinds)[number];

export const guardrailModes = ['enforce', 'monitor'] as const;
export type GuardrailMode = (typeof guardrailModes)[number];

export const onErrors = ['closed', 'open'] as const;
export type OnError = (typeof onErrors)[number];

export const phases = ['request', 'answer'] as const;
export type Phase = (typeof phases)[number];

export const piiEntities = ['card', 'iban', 'ssn', 'email', 'phone', 'secret'] as const;
export type PiiEntity = (typeof piiEntities)[number];

/** Checks the texts of requests and answers: a row of `guardrails`, or an entry of an override file. */
export interface Guardrail {
  /** Row id; null or absent for one that exists only in an override file. */
  id?: number | null;
  /** Unique. */
  name: string;
  kind: GuardrailKind;
  /** `monitor`: nothing is refused or changed; what would be is told. */
  mode: GuardrailMode;
  /** Fate of a request that cannot be checked. */
  on_error: OnError;
  phases: Phase[];
  applies_to: GuardedBy;
  config: GuardrailConfig;
  is_enabled: boolean;
}

/** Selects requests to check: those that match every given name. */
export interface GuardedBy {
  key?: string;
  team?: string;
  model?: string;
}

/** The settings of all kinds; each has some. */
export interface GuardrailConfig {
  /** regex: what is looked for. */
  patterns?: NamedPattern[];
  /** regex, pii: `deny` or `redact`. */
  action?: 'deny' | 'redact';
  /** regex, pii: what a request's placeholders stand for is put back into its answer. */
  restore?: boolean;
  /** pii. */
  entities?: PiiEntity[];
  /** webhook. */
  url?: string;
  /** webhook: reference to the secret of its signature; in a worker the secret, empty: unreadable. */
  secret?: string;
  /** webhook: characters of a stream that are checked at once. */
  window_chars?: number;
  /** webhook, moderation. */
  timeout_ms?: number;
  /** webhook. */
  retries?: number;
  /** webhook: requests to it at once, of each worker. */
  max_concurrency?: number;
  /** moderation: clients' name of the model. */
  model?: string;
  /** moderation: a score of a category from which on a text is refused; absent: the model says. */
  threshold?: number;
  /** moderation: those that count; absent: all. */
  categories?: string[];
  /** schema: names or wildcards. */
  allowed_tools?: string[];
  denied_tools?: string[];
  /** schema: media types or wildcards, such as `image/*`. */
  allowed_file_types?: string[];
  /** size. */
  max_prompt_chars?: number;
  max_messages?: number;
  max_tools?: number;
}

export interface NamedPattern {
  name: string;
  /** In the syntax of RE2. */
  pattern: string;
  ignore_case?: boolean;
}

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
    description: 'regex: what is looked for.',
  },
  action: {
    type: 'string',
    enum: ['deny', 'redact'],
    description:
      'regex, pii: refuse what has it, or replace it by a placeholder such as `[EMAIL_1]`. Default: `deny` for regex, `redact` for pii.',
  },
  restore: {
    type: 'boolean',
    description: 'regex, pii: put what was replaced in the prompt back into the answer.',
  },
  entities: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { type: 'string', enum: piiEntities },
    description: 'pii: what is looked for; default: all.',
  },
  url: {
    type: 'string',
    pattern: '^https?://[^\\s@]+$',
    maxLength: 2_000,
    description: 'webhook: where texts are posted to.',
  },
  secret: {
    type: 'string',
    pattern: '^(?:env:|file:/).+$',
    maxLength: 500,
    description:
      'webhook: reference (`env:NAME`, `file:/path`) to the secret that signs what is posted.',
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
    description:
      'moderation: score from which on a category counts; default: what the model flags.',
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

/** Defaults of a new row. */
export const newGuardrail = {
  mode: 'enforce',
  on_error: 'closed',
  phases: ['request', 'answer'],
  applies_to: {},
  config: {},
  is_enabled: true,
} satisfies Partial<Guardrail>;

/** The settings that each kind has, and those that it must have. */
const settingsOf: Readonly<
  Record<GuardrailKind, { may: readonly (keyof GuardrailConfig)[]; must: readonly string[] }>
> = {
  regex: { may: ['patterns', 'action', 'restore'], must: ['patterns'] },
  pii: { may: ['entities', 'action', 'restore'], must: [] },
  webhook: {
    may: ['url', 'secret', 'window_chars', 'timeout_ms', 'retries', 'max_concurrency'],
    must: ['url'],
  },
  moderation: {
    may: ['model', 'threshold', 'categories', 'timeout_ms', 'window_chars', 'max_concurrency'],
    must: ['model'],
  },
  schema: { may: ['allowed_tools', 'denied_tools', 'allowed_file_types'], must: [] },
  size: { may: ['max_prompt_chars', 'max_messages', 'max_tools'], must: [] },
};

/** Problems of a row of the right shape: place and reason. */
export function guardrailProblems({
  kind,
  config,
  phases: checked,
}: Guardrail): [path: string, reason: string][] {
  const problems: [string, string][] = [];
  const { may, must } = settingsOf[kind];
  for (const name of Object.keys(config)) {
    if (may.some((one) => one === name)) continue;
    problems.push([
      `config.${name}`,
      `is no setting of the kind ${kind}, which has: ${may.join(', ')}`,
    ]);
  }
  for (const name of must) {
    if (!(name in config)) problems.push([`config.${name}`, `is needed by the kind ${kind}`]);
  }
  if (Object.keys(config).length === 0 && (kind === 'schema' || kind === 'size')) {
    problems.push(['config', `needs one of: ${may.join(', ')}`]);
  }
  for (const [index, { pattern, ignore_case = false }] of (config.patterns ?? []).entries()) {
    const compiled = compileLinear(pattern, ignore_case);
    if (typeof compiled === 'string') {
      problems.push([`config.patterns.${index}.pattern`, compiled]);
    }
  }
  for (const name of ['allowed_tools', 'denied_tools', 'allowed_file_types'] as const) {
    for (const [index, entry] of (config[name] ?? []).entries()) {
      const compiled = compileModelPattern(entry);
      if (typeof compiled === 'string') problems.push([`config.${name}.${index}`, compiled]);
    }
  }
  const reference = config.secret === undefined ? null : parseReference(config.secret);
  if (typeof reference === 'string') problems.push(['config.secret', reference]);
  if ((kind === 'schema' || kind === 'size') && !checked.includes('request')) {
    problems.push(['phases', `must have request: the kind ${kind} checks nothing else`]);
  }
  return problems;
}
