import { parseReference } from '../secrets/secret-reference.js';
import { checkLinear } from './linear-pattern.js';
import { compileModelPattern, patternsProblem } from './model-pattern.js';
import type { RowCheck } from './row-check.js';

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
  /** `monitor`: nothing is refused or changed, only reported. */
  mode: GuardrailMode;
  /** Fate of a request that cannot be checked: `closed` refuses it, `open` lets it through. */
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

/** Settings of all kinds; each kind uses some. */
export interface GuardrailConfig {
  /** regex: patterns to search for. */
  patterns?: NamedPattern[];
  /** regex, pii: `deny` or `redact`. */
  action?: 'deny' | 'redact';
  /** regex, pii: replaced values of a request are restored in its answer. */
  restore?: boolean;
  /** pii. */
  entities?: PiiEntity[];
  /** webhook. */
  url?: string;
  /**
   * webhook: reference to the signing secret; in a worker the secret itself, empty if unreadable.
   */
  secret?: string;
  /** webhook: size of the window in which a stream is checked, in characters. */
  window_chars?: number;
  /** webhook, moderation. */
  timeout_ms?: number;
  /** webhook. */
  retries?: number;
  /** webhook: maximum concurrent requests to it, per worker. */
  max_concurrency?: number;
  /** moderation: clients' name of the model. */
  model?: string;
  /** moderation: minimum score of a category that refuses a text; absent: the model's own flags. */
  threshold?: number;
  /** moderation: categories that count; absent: all. */
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

export const guardrailChecks: readonly RowCheck<Guardrail>[] = [
  { of: ['kind', 'config'], problems: settingProblems },
  { of: ['config'], problems: contentProblems },
  {
    of: ['kind', 'phases'],
    problems: ({ kind, phases: checked }) =>
      isOfRequests(kind) && !checked.includes('request')
        ? [['phases', `must have request: the kind ${kind} checks nothing else`]]
        : [],
  },
];

function isOfRequests(kind: GuardrailKind): boolean {
  return kind === 'schema' || kind === 'size';
}

function settingProblems({ kind, config }: Guardrail): [path: string, reason: string][] {
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
  if (Object.keys(config).length === 0 && isOfRequests(kind)) {
    problems.push(['config', `needs one of: ${may.join(', ')}`]);
  }
  return problems;
}

function contentProblems({ config }: Guardrail): [path: string, reason: string][] {
  const problems: [string, string][] = [];
  for (const [index, { pattern, ignore_case = false }] of (config.patterns ?? []).entries()) {
    const { problem } = checkLinear(pattern, ignore_case);
    if (problem !== null) problems.push([`config.patterns.${index}.pattern`, problem]);
  }
  for (const name of ['allowed_tools', 'denied_tools', 'allowed_file_types'] as const) {
    const reason = patternsProblem(config[name] ?? []);
    if (reason !== null) problems.push([`config.${name}`, reason]);
    for (const [index, entry] of reason === null ? (config[name] ?? []).entries() : []) {
      const compiled = compileModelPattern(entry);
      if (typeof compiled === 'string') problems.push([`config.${name}.${index}`, compiled]);
    }
  }
  const reference = config.secret === undefined ? null : parseReference(config.secret);
  if (typeof reference === 'string') problems.push(['config.secret', reference]);
  return problems;
}
