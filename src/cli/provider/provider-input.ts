import { type Command, Option } from 'commander';
import { type Provider, providerTypes } from '../../config/configuration.js';
import type { ProviderInput } from '../../db/queries/rows.js';
import { GatewayError } from '../../errors.js';
import { collect, modelMapping, wholeNumber } from '../arguments.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { warn } from '../output.js';
import { addSecretOptions, readSecret } from '../secrets/secret.js';
import { addParamOptions, type ParamFlags } from './provider-params.js';
import type { ShownProvider } from './provider-view.js';

/** Flags of `provider add` and `provider update`. */
export interface ProviderFlags extends DatabaseFlags, ParamFlags {
  apiBase?: string;
  apiKey?: string;
  apiKeyEnv?: string;
  apiKeyStdin?: boolean;
  type?: string;
  weight?: number;
  map?: string[];
  unmap?: string[];
  disabled?: boolean;
}

/** Adds the flags that set a provider's columns. @param types choices of `--type`. */
export function addProviderOptions(
  command: Command,
  types: readonly string[] = providerTypes,
): Command {
  command.option('--api-base <url>', 'base URL with its version segment');
  addSecretOptions(command, 'api-key', "the provider's API key");
  command
    .addOption(
      new Option('--type <type>', 'where it lives and how it authenticates').choices([...types]),
    )
    .option(
      '--weight <n>',
      'share of the traffic; 0: failover only',
      wholeNumber('--weight', 0, 1_000_000),
    )
    .option('--map <from=to>', 'requested model = model sent; repeatable', collect)
    .option('--disabled', 'send it no requests');
  addParamOptions(command);
  return addGatewayOptions(command);
}

/** The columns set by the flags, except `provider_params`, which depend on the previous ones. */
export async function changesFrom(flags: ProviderFlags): Promise<Partial<ProviderInput>> {
  const apiKey = await readSecret('--api-key', {
    value: flags.apiKey,
    env: flags.apiKeyEnv,
    stdin: flags.apiKeyStdin,
  });
  return {
    ...(flags.apiBase !== undefined && { api_base: flags.apiBase.trim().replace(/\/+$/, '') }),
    ...(apiKey !== null && { api_key: apiKey }),
    ...(flags.type !== undefined && { provider_type: flags.type }),
    ...(flags.weight !== undefined && { weight: flags.weight }),
    ...(flags.map !== undefined && { model_mapping: modelMapping(flags.map) }),
    ...(flags.disabled && { is_enabled: false }),
  };
}

/** A JSON Merge Patch that removes entries of a mapping, all of which must exist. */
export function unmapped({ provider_key, model_mapping }: ShownProvider, froms: string[]) {
  for (const from of froms) {
    if (!Object.hasOwn(model_mapping, from)) {
      throw new CliError(`provider ${provider_key} has no mapping of "${from}"`, {
        hint: `see its mappings with: llmproxy provider show ${provider_key}`,
      });
    }
  }
  return Object.fromEntries(froms.map((from) => [from, null]));
}

/** A JSON Merge Patch for a whole new mapping. */
export function remapped(
  { model_mapping }: ShownProvider,
  after: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const removed = Object.keys(model_mapping).map((from) => [from, null]);
  return { ...Object.fromEntries(removed), ...after };
}

/** Refuses a new provider that the daemon would refuse, before anything is opened. */
export async function checkProvider(provider: ProviderInput): Promise<void> {
  const { providerProblems } = await import('../../config/provider-problems.js');
  const at = `providers.${provider.provider_key}.`;
  const [first] = providerProblems(provider as Provider, 'provider');
  if (first) throw refusal(provider.provider_key, first.path.slice(at.length), first.reason);
}

/**
 * Rewords an error of the admin API about a field to name the flag; other errors pass unchanged.
 */
export function explainRefusal(key: string): (error: unknown) => never {
  return (error) => {
    const isOfField = error instanceof GatewayError && error.code === 'invalid_request';
    if (!isOfField || error.param === null) throw error;
    throw refusal(key, error.param, error.message.slice(error.param.length + ': '.length));
  };
}

function refusal(key: string, path: string, reason: string): CliError {
  const [column = '', ...rest] = path.split('.');
  if (column === 'provider_key') {
    return usageError(
      `the provider key "${key}" is not a safe name`,
      'use up to 64 letters, digits, ".", "_" and "-", and begin with a letter or digit',
    );
  }
  const detail = rest.length > 0 ? ` "${rest.join('.')}"` : '';
  return usageError(`${flagOfColumn[column] ?? column}${detail}: ${reason}`);
}

/** Most APIs answer 404 to everything if the version segment is missing. */
export function warnOfApiBase(
  { api_base, provider_type }: Pick<ProviderInput, 'api_base' | 'provider_type'>,
  json: boolean | undefined,
): void {
  const { pathname } = new URL(api_base);
  if (/\/(chat\/completions|completions|embeddings|models)$/.test(pathname)) {
    warn(`--api-base ends in an endpoint; give the part before it, such as …/v1`, json);
  } else if (provider_type === 'openai' && !/\/v\d/.test(pathname)) {
    warn(`--api-base has no version segment such as /v1; most APIs need one`, json);
  }
}

const flagOfColumn: Record<string, string> = {
  provider_type: '--type',
  api_base: '--api-base',
  api_key: '--api-key',
  model_mapping: '--map',
  weight: '--weight',
  provider_params: '--param',
};
