import { mergePatch } from '../../changes/merge-patch.js';
import { newProvider, type ProviderParams } from '../../config/configuration.js';
import type { ProviderInput } from '../../db/queries/rows.js';
import { GatewayError } from '../../errors.js';
import { visible } from '../../observe/visible.js';
import { defaultBaseOf } from '../../providers/index.js';
import { presetOperations, presets } from '../../providers/presets.js';
import { type AdminApi, changeOver } from '../admin-api.js';
import { printActivation } from '../daemon/activate.js';
import type { DatabaseFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { note, print, printJson, warn } from '../output.js';
import { askArgument, askSecret, askText, canAsk, confirmDeletion } from '../prompt.js';
import {
  changesFrom,
  checkProvider,
  explainRefusal,
  type ProviderFlags,
  remapped,
  unmapped,
  warnOfApiBase,
} from './provider-input.js';
import { paramsPatch } from './provider-params.js';
import { enabling, providerJson, type ShownProvider } from './provider-view.js';

/** The admin API's answer about one provider. */
interface ProviderAnswer {
  version: number;
  provider: ShownProvider;
}

export async function addProvider(name: string | undefined, asked: ProviderFlags): Promise<void> {
  const given = withoutKey(withPreset(asked));
  const question = { question: 'A unique name for it', hint: 'such as openai' };
  const key = name ?? (await askArgument('provider_key', question, given.json));
  const flags = canAsk(given.json) ? await askForMissing(given) : given;
  const apiBase = flags.apiBase ?? ownBase(flags);
  if (apiBase === null) {
    throw usageError('--api-base is missing', 'for example: --api-base https://api.openai.com/v1');
  }
  const changes = await changesFrom({ ...flags, apiBase });
  if (changes.api_key === undefined) {
    throw usageError(
      'the API key is missing',
      'give one of: --api-key-env VARIABLE, --api-key-stdin, --api-key KEY',
    );
  }
  const input: ProviderInput = {
    ...newProvider,
    provider_key: key,
    api_base: '',
    api_key: '',
    provider_params: mergePatch({}, paramsPatch(flags) ?? {}),
    ...changes,
  };
  await checkProvider(input);
  warnOfApiBase(input, flags.json);
  await reportChange(flags, 'added', (api) =>
    api.ask<ProviderAnswer>('POST', '/providers', input).catch((error: unknown) => {
      if (!(error instanceof GatewayError) || error.code !== 'conflict') explainRefusal(key)(error);
      throw new CliError(`provider "${key}" exists already`, {
        hint: `change it with: llmproxy provider update ${key}`,
      });
    }),
  );
}

export async function updateProvider(key: string, flags: ProviderFlags): Promise<void> {
  if (flags.map && flags.unmap) {
    throw usageError(
      '--map and --unmap cannot be used together',
      '--map replaces the whole mapping',
    );
  }
  const changes = await changesFrom(flags);
  const provider_params = paramsPatch(flags);
  if (Object.keys(changes).length === 0 && !flags.unmap && !provider_params) {
    throw usageError('no change was given');
  }
  const { provider } = await reportChange(flags, 'updated', async (api) => {
    const before = await findProvider(api, key);
    if (changes.api_base !== undefined) warnOfApiBase({ ...before, ...changes }, flags.json);
    const patch = {
      ...changes,
      ...(changes.model_mapping && { model_mapping: remapped(before, changes.model_mapping) }),
      ...(flags.unmap && { model_mapping: unmapped(before, flags.unmap) }),
      ...(provider_params && { provider_params }),
    };
    return await api
      .ask<ProviderAnswer>('POST', `/providers/${before.id}/merge`, patch)
      .catch(explainRefusal(key));
  });
  if (flags.unmap && Object.keys(provider.model_mapping).length === 0) {
    warn(`provider ${key} has no mapping left: it now serves every model`, flags.json);
  }
}

export async function setEnabled(
  key: string,
  flags: DatabaseFlags,
  is_enabled: boolean,
): Promise<void> {
  await reportChange(flags, is_enabled ? 'enabled' : 'disabled', async (api) => {
    const { id } = await findProvider(api, key);
    return await api.ask<ProviderAnswer>('PUT', `/providers/${id}`, { is_enabled });
  });
}

export async function removeProvider(
  key: string,
  flags: DatabaseFlags & { yes?: boolean },
): Promise<void> {
  await reportChange(flags, 'deleted', async (api) => {
    const provider = await findProvider(api, key);
    await confirmDeletion({ what: `provider ${key}`, yes: flags.yes, json: flags.json });
    return { provider, version: await api.delete(`/providers/${provider.id}`) };
  });
}

/** @throws CliError if there is no such provider. */
export async function findProvider(api: AdminApi, key: string): Promise<ShownProvider> {
  const path = `/providers?${new URLSearchParams({ provider_key: key })}`;
  const { providers } = await api.ask<{ providers: ShownProvider[] }>('GET', path);
  const [provider] = providers;
  if (provider) return provider;
  throw new CliError(`there is no provider "${key}"`, {
    hint: 'see the providers with: llmproxy provider list',
  });
}

/** Makes a change, and reports what was `done`. */
async function reportChange(
  flags: DatabaseFlags,
  done: string,
  change: (api: AdminApi) => Promise<ProviderAnswer>,
): Promise<ProviderAnswer> {
  const { result, activation } = await changeOver(flags, change);
  const { provider_key: key, is_enabled } = result.provider;
  if (flags.json) printJson(providerJson(result.provider));
  else print(`${done} provider ${visible(key)}`);
  printActivation(activation, flags.json);
  if (!flags.json && !is_enabled && done !== 'deleted') {
    note(`it gets no requests until: ${enabling(visible(key))}`);
  }
  return result;
}

/** Adds the address and APIs of a server named by `--type`, which is of the type `openai`. */
function withPreset(flags: ProviderFlags): ProviderFlags {
  const name = flags.type ?? '';
  const apiBase = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (apiBase === undefined) return flags;
  const operations = JSON.stringify(presetOperations[name]);
  // Explicit flags come last, and win.
  const param = [`operations=${operations}`, ...(flags.param ?? [])];
  return { apiBase, ...flags, type: 'openai', param };
}

/** Adds a placeholder key for a provider that uses the machine's identity. */
function withoutKey(flags: ProviderFlags): ProviderFlags {
  const { auth } = mergePatch({}, paramsPatch(flags) ?? {}) as ProviderParams;
  const needsKey = !auth || auth.method === 'api_key' || auth.method === 'client_secret';
  if (needsKey || (flags.apiKey ?? flags.apiKeyEnv ?? flags.apiKeyStdin)) return flags;
  return { ...flags, apiKey: 'none' };
}

/** A type's default address; null if no type is given or it has none. */
function ownBase(flags: ProviderFlags): string | null {
  return flags.type ? defaultBaseOf(flags.type, mergePatch({}, paramsPatch(flags) ?? {})) : null;
}

/** Asks the user for missing required values. */
async function askForMissing(given: ProviderFlags): Promise<ProviderFlags> {
  const flags = { ...given };
  flags.apiBase ??=
    ownBase(flags) ??
    (await askText({
      question: 'Base URL of its API',
      hint: 'such as https://api.openai.com/v1',
      problem: (text) =>
        /^https?:\/\/./.test(text) ? null : 'it must start with https:// or http://',
    }));
  if (flags.apiKey ?? flags.apiKeyEnv ?? flags.apiKeyStdin) return flags;
  flags.apiKey = await askSecret('Its API key');
  return flags;
}
