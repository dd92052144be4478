import { type Command, Option } from 'commander';
import {
  type GuardedBy,
  type Guardrail,
  type GuardrailConfig,
  type GuardrailKind,
  type GuardrailMode,
  guardrailKinds,
  guardrailModes,
  type OnError,
  onErrors,
  type Phase,
  phases,
} from '../../config/rows/guardrail.js';
import { guardrailConfigProperties } from '../../config/rows/guardrail-schema.js';
import { collect, wholeNumber } from '../arguments.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { usageError } from '../failure.js';

export interface GuardrailFlags extends DatabaseFlags {
  kind?: GuardrailKind;
  mode?: GuardrailMode;
  onError?: OnError;
  phases?: Phase[];
  key?: string;
  team?: string;
  model?: string;
  allRequests?: boolean;
  pattern?: string[];
  ignoreCase?: boolean;
  action?: 'deny' | 'redact';
  restore?: boolean;
  entities?: string[];
  webhook?: string;
  secretEnv?: string;
  timeoutMs?: number;
  retries?: number;
  maxConcurrency?: number;
  windowChars?: number;
  moderationModel?: string;
  threshold?: number;
  categories?: string[];
  allowedTools?: string[];
  deniedTools?: string[];
  allowedFileTypes?: string[];
  maxPromptChars?: number;
  maxMessages?: number;
  maxTools?: number;
  setting?: string[];
  disabled?: boolean;
  enabled?: boolean;
}

export function addGuardrailOptions(command: Command): Command {
  const milliseconds = wholeNumber('--timeout-ms', 10, 60_000);
  command
    .addOption(new Option('--kind <kind>', 'kind of check').choices(guardrailKinds))
    .addOption(
      new Option('--mode <mode>', 'refuse and redact, or only report').choices(guardrailModes),
    )
    .addOption(
      new Option('--on-error <way>', 'refuse what cannot be checked, or let it pass').choices(
        onErrors,
      ),
    )
    .option('--phases <a,b>', `phases to check: ${phases.join(', ')}`, list<Phase>)
    .option('--key <name>', 'requests of this key, by name')
    .option('--team <name>', 'requests of the keys of this team')
    .option('--model <name>', 'requests for this model, or a wildcard')
    .option('--all-requests', 'requests of every key, team and model')
    .option('--pattern <name=regex>', 'regex: a pattern to find; repeatable', collect)
    .option('--ignore-case', 'regex: ignore case')
    .addOption(
      new Option('--action <action>', 'regex, pii: what happens to matches').choices(
        guardrailConfigProperties.action.enum,
      ),
    )
    .option('--restore', 'regex, pii: restore replaced texts in the answer')
    .option('--no-restore', 'regex, pii: leave placeholders in the answer')
    .option(
      '--entities <a,b>',
      `pii: ${guardrailConfigProperties.entities.items.enum.join(', ')}`,
      list,
    )
    .option('--webhook <url>', 'webhook: URL that receives the texts')
    .option('--secret-env <name>', 'webhook: variable of the daemon with the signing secret')
    .option('--timeout-ms <n>', 'webhook, moderation: time of one check', milliseconds)
    .option('--retries <n>', 'webhook: further attempts', wholeNumber('--retries', 0, 5))
    .option(
      '--max-concurrency <n>',
      'webhook, moderation: checks at once',
      wholeNumber('--max-concurrency', 1, 1_000),
    )
    .option(
      '--window-chars <n>',
      'webhook, moderation: characters of a stream at once',
      wholeNumber('--window-chars', 50, 100_000),
    )
    .option('--moderation-model <model>', 'moderation: the model that is asked')
    .option('--threshold <score>', 'moderation: minimum score of a category', Number)
    .option('--categories <a,b>', 'moderation: categories that count', list)
    .option('--allowed-tools <a,b>', 'schema: names or wildcards', list)
    .option('--denied-tools <a,b>', 'schema: names or wildcards', list)
    .option('--allowed-file-types <a,b>', 'schema: media types, such as image/*; "none"', list)
    .option(
      '--max-prompt-chars <n>',
      'size: characters of all texts',
      wholeNumber('--max-prompt-chars', 1, 100_000_000),
    )
    .option('--max-messages <n>', 'size: messages', wholeNumber('--max-messages', 1, 1_000_000))
    .option('--max-tools <n>', 'size: tools', wholeNumber('--max-tools', 0, 100_000))
    .option('--setting <name=value>', 'any setting of its kind, as JSON; repeatable', collect)
    .option('--disabled', 'keep it, but do not use it')
    .option('--enabled', 'use it');
  return addGatewayOptions(command);
}

/**
 * The fields that the flags set.
 * @param before settings that stay; null for a new guardrail.
 */
export function guardrailFrom(
  flags: GuardrailFlags,
  before: GuardrailConfig | null,
): Partial<Guardrail> {
  const { key, team, model } = flags;
  const applies_to: GuardedBy = {
    ...(key !== undefined && { key }),
    ...(team !== undefined && { team }),
    ...(model !== undefined && { model }),
  };
  const isNamed = Object.keys(applies_to).length > 0;
  if (flags.allRequests && isNamed) {
    throw usageError('--all-requests and --key, --team or --model cannot be used together');
  }
  if (flags.enabled && flags.disabled) {
    throw usageError('--enabled and --disabled cannot be used together');
  }
  const config = configFrom(flags);
  const hasConfig = Object.keys(config).length > 0;
  return {
    ...(flags.kind !== undefined && { kind: flags.kind }),
    ...(flags.mode !== undefined && { mode: flags.mode }),
    ...(flags.onError !== undefined && { on_error: flags.onError }),
    ...(flags.phases !== undefined && { phases: flags.phases }),
    ...((isNamed || flags.allRequests) && { applies_to }),
    ...((hasConfig || before === null) && { config: { ...before, ...config } }),
    ...((flags.disabled || flags.enabled) && { is_enabled: flags.enabled === true }),
  };
}

function configFrom(flags: GuardrailFlags): GuardrailConfig {
  const given: Record<string, unknown> = {
    patterns: flags.pattern?.map((text) => namedPattern(text, flags.ignoreCase)),
    action: flags.action,
    restore: flags.restore,
    entities: flags.entities,
    url: flags.webhook,
    secret: flags.secretEnv === undefined ? undefined : `env:${flags.secretEnv}`,
    timeout_ms: flags.timeoutMs,
    retries: flags.retries,
    max_concurrency: flags.maxConcurrency,
    window_chars: flags.windowChars,
    model: flags.moderationModel,
    threshold: flags.threshold,
    categories: flags.categories,
    allowed_tools: flags.allowedTools,
    denied_tools: flags.deniedTools,
    allowed_file_types: flags.allowedFileTypes,
    max_prompt_chars: flags.maxPromptChars,
    max_messages: flags.maxMessages,
    max_tools: flags.maxTools,
  };
  for (const text of flags.setting ?? []) {
    const equals = text.indexOf('=');
    if (equals < 1) throw usageError('--setting: it must be of the form name=value');
    given[text.slice(0, equals)] = jsonOrText(text.slice(equals + 1));
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function namedPattern(text: string, ignoreCase = false) {
  const [, name, pattern] = /^([a-z][a-z0-9_]*)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || pattern === undefined) {
    throw usageError(
      `--pattern: "${text}" is not of the form name=regex`,
      'for example: --pattern "project=(?i)project-[a-z]+"',
    );
  }
  return { name, pattern, ...(ignoreCase && { ignore_case: true }) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `a,b` as a list without duplicates; `none` is an empty list. */
function list<T extends string>(text: string): T[] {
  if (text === 'none') return [];
  return [...new Set(text.split(',').map((part) => part.trim()))].filter(Boolean) as T[];
}
