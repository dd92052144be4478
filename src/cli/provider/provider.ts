import { Command } from 'commander';
import { providerTypes } from '../../config/configuration.js';
import type { Settings } from '../../config/settings-schema.js';
import type { Sql } from '../../db/client.js';
import type { ProviderInput, ProviderRow } from '../../db/queries/rows.js';
import { visible } from '../../observe/visible.js';
import { defaultBaseOf } from '../../providers/index.js';
import { presets } from '../../providers/presets.js';
import { collect } from '../arguments.js';
import { changeConfiguration } from '../change.js';
import { printActivation } from '../daemon/activate.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { print, printJson, warn } from '../output.js';
import { askArgument, askSecret, askText, canAsk, confirmDeletion } from '../prompt.js';
import {
  addProviderOptions,
  changesFrom,
  checkProvider,
  type ProviderFlags,
  warnOfApiBase,
  withoutMappings,
} from './provider-input.js';
import { paramsAfter } from './provider-params.js';
import { openSecrets, type ShownProvider, shown } from './provider-secrets.js';
import { providerTestCommand } from './provider-test.js';
import { printProvider, printProviders, providerJson } from './provider-view.js';

/** `llmproxy provider …`: the upstream APIs that requests are sent to. */
export function providerCommand(): Command {
  const command = new Command('provider').description('manage the upstream APIs');
  command.addCommand(
    addProviderOptions(new Command('add'), [...providerTypes, ...Object.keys(presets)])
      .description('add a provider')
      .argument('[provider_key]', 'a unique name for it; prompted for on a terminal')
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy provider add openai --api-base https://api.openai.com/v1 \\
      --api-key-env OPENAI_API_KEY
  $ llmproxy provider add azure --api-base https://x.openai.azure.com/v1 \\
      --api-key file:/etc/llmproxy/azure-key
  $ llmproxy provider add groq --type groq --api-key-env GROQ_API_KEY
  $ llmproxy provider add local --api-base http://127.0.0.1:8000/v1 \\
      --api-key none --weight 2 --map "gpt-4*=llama-3.3-70b"`,
      )
      .action(add),
  );
  command.addCommand(
    addDatabaseOptions(new Command('list').alias('ls'))
      .description('list the providers')
      .addHelpText(
        'after',
        `
Example:
  $ llmproxy provider list --json | jq -r '.[].provider_key'`,
      )
      .action(list),
  );
  command.addCommand(
    addDatabaseOptions(new Command('show'))
      .description('show a provider, with its key masked')
      .argument('<provider_key>')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider show openai')
      .action(show),
  );
  command.addCommand(
    addProviderOptions(new Command('update'))
      .option('--unmap <from>', 'remove one entry of the mapping; repeatable', collect)
      .description('change the given fields of a provider')
      .argument('<provider_key>')
      .addHelpText(
        'after',
        `
--map replaces the whole mapping. --timeout, --header and --param change only
the named entries; an empty value removes an entry.

Examples:
  $ llmproxy provider update openai --weight 3
  $ llmproxy provider update openai --map gpt-4=gpt-4o --map "o*=o3"
  $ llmproxy provider update openai --api-key-stdin < new-key.txt
  $ llmproxy provider update openai --priority 1 --timeout total=5m
  $ llmproxy provider update openai --header "x-team: a" --header "x-old:"
  $ llmproxy provider update openai --param probe.interval_ms=30000`,
      )
      .action(update),
  );
  command.addCommand(
    addDatabaseOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a provider')
      .argument('<provider_key>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider delete openai --yes')
      .action(remove),
  );
  command.addCommand(providerTestCommand());
  command.addCommand(
    addDatabaseOptions(new Command('enable'))
      .description('send requests to a provider again')
      .argument('<provider_key>')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider enable openai')
      .action((key: string, flags: DatabaseFlags) => setEnabled(key, flags, true)),
  );
  command.addCommand(
    addDatabaseOptions(new Command('disable'))
      .description('send no requests to a provider, but keep it')
      .argument('<provider_key>')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider disable openai')
      .action((key: string, flags: DatabaseFlags) => setEnabled(key, flags, false)),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy provider list');
}

async function add(name: string | undefined, asked: ProviderFlags): Promise<void> {
  const given = withPreset(asked);
  const question = { question: 'A unique name for it', hint: 'such as openai' };
  const key = name ?? (await askArgument('provider_key', question, given.json));
  const flags = canAsk(given.json) ? await askForMissing(given) : given;
  const apiBase = flags.apiBase ?? defaultBaseOf(flags.type ?? 'openai');
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
    provider_key: key,
    provider_type: 'openai',
    api_base: '',
    api_key: '',
    model_mapping: {},
    weight: 1,
    provider_params: paramsAfter({}, flags) ?? {},
    is_enabled: true,
    ...changes,
  };
  await checkProvider(input, Object.keys(input));
  warnOfApiBase(input, flags.json);
  const { insertProvider } = await import('../../db/queries/insert-provider.js');
  const { DuplicateError } = await import('../../db/duplicate.js');
  const { result, activation } = await changeConfiguration(flags, async (sql, settings) => {
    await checkProvider(input, ['api_base'], settings.upstream.private_addresses);
    const secrets = await openSecrets(settings);
    const sealed = await secrets.seal(sql, input);
    try {
      return shown(secrets, await insertProvider(sql, { ...input, ...sealed }));
    } catch (error) {
      if (!(error instanceof DuplicateError)) throw error;
      throw new CliError(`provider "${key}" exists already`, {
        hint: `change it with: llmproxy provider update ${key}`,
      });
    }
  });
  if (flags.json) printJson(providerJson(result));
  else print(`added provider ${visible(result.provider_key)}`);
  printActivation(activation, flags.json);
}

/** With the address of a server that `--type` names, which is of the type `openai`. */
function withPreset(flags: ProviderFlags): ProviderFlags {
  const apiBase = Object.hasOwn(presets, flags.type ?? '') ? presets[flags.type ?? ''] : undefined;
  return apiBase === undefined ? flags : { apiBase, ...flags, type: 'openai' };
}

/** Asks the user for missing required values. */
async function askForMissing(given: ProviderFlags): Promise<ProviderFlags> {
  const flags = { ...given };
  flags.apiBase ??=
    defaultBaseOf(flags.type ?? 'openai') ??
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

async function list(flags: DatabaseFlags): Promise<void> {
  const { listProviders } = await import('../../db/queries/list-providers.js');
  const rows = await withDatabase(flags, 'read', async (sql, settings) => {
    const secrets = await openSecrets(settings);
    return (await listProviders(sql)).map((row) => shown(secrets, row));
  });
  if (flags.json) printJson(rows.map(providerJson));
  else printProviders(rows);
}

async function show(key: string, flags: DatabaseFlags): Promise<void> {
  const row = await withDatabase(flags, 'read', async (sql, settings) =>
    shown(await openSecrets(settings), await existing(sql, key)),
  );
  if (flags.json) printJson(providerJson(row));
  else printProvider(row);
}

async function update(key: string, flags: ProviderFlags): Promise<void> {
  if (flags.map && flags.unmap) {
    throw usageError(
      '--map and --unmap cannot be used together',
      '--map replaces the whole mapping',
    );
  }
  const changes = await changesFrom(flags);
  const isParamGiven = paramsAfter({}, flags) !== undefined;
  if (Object.keys(changes).length === 0 && !flags.unmap && !isParamGiven) {
    throw usageError('nothing to change was given');
  }
  const row = await changeAndReport(key, flags, 'updated', async (before, settings) => {
    if (changes.api_base !== undefined) warnOfApiBase({ ...before, ...changes }, flags.json);
    const provider_params = paramsAfter(before.provider_params, flags);
    const all = {
      ...changes,
      ...(flags.unmap && { model_mapping: withoutMappings(before, flags.unmap) }),
      ...(provider_params && { provider_params }),
    };
    const { private_addresses } = settings.upstream;
    await checkProvider({ ...before, ...all }, Object.keys(all), private_addresses);
    return all;
  });
  if (flags.unmap && Object.keys(row.model_mapping).length === 0) {
    warn(`provider ${key} has no mapping left: it now serves every model`, flags.json);
  }
}

async function remove(key: string, flags: DatabaseFlags & { yes?: boolean }): Promise<void> {
  const { deleteProvider } = await import('../../db/queries/delete-provider.js');
  const { result, activation } = await changeConfiguration(flags, async (sql, settings) => {
    const row = await existing(sql, key);
    await confirmDeletion({ what: `provider ${key}`, yes: flags.yes, json: flags.json });
    await deleteProvider(sql, row.id);
    return shown(await openSecrets(settings), row);
  });
  if (flags.json) printJson(providerJson(result));
  else print(`deleted provider ${visible(result.provider_key)}`);
  printActivation(activation, flags.json);
}

async function setEnabled(key: string, flags: DatabaseFlags, is_enabled: boolean): Promise<void> {
  await changeAndReport(key, flags, is_enabled ? 'enabled' : 'disabled', () => ({ is_enabled }));
}

async function changeAndReport(
  key: string,
  flags: DatabaseFlags,
  done: string,
  changes: (
    before: ProviderRow,
    settings: Settings,
  ) => Partial<ProviderInput> | Promise<Partial<ProviderInput>>,
): Promise<ShownProvider> {
  const { updateProvider } = await import('../../db/queries/update-provider.js');
  const { result, activation } = await changeConfiguration(flags, async (sql, settings) => {
    const secrets = await openSecrets(settings);
    const before = await existing(sql, key);
    const changed = await changes(before, settings);
    const sealed = await secrets.sealChange(sql, before, { ...before, ...changed });
    const after = await updateProvider(sql, before.id, { ...changed, ...sealed });
    if (after === null) throw notFound(key);
    return shown(secrets, after);
  });
  if (flags.json) printJson(providerJson(result));
  else print(`${done} provider ${visible(result.provider_key)}`);
  printActivation(activation, flags.json);
  return result;
}

async function existing(sql: Sql, key: string): Promise<ProviderRow> {
  const { getProvider } = await import('../../db/queries/get-provider.js');
  const row = await getProvider(sql, key);
  if (row === null) throw notFound(key);
  return row;
}

function notFound(key: string): CliError {
  return new CliError(`there is no provider "${key}"`, {
    hint: 'see the providers with: llmproxy provider list',
  });
}
