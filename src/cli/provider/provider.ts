import { Command } from 'commander';
import { providerTypes } from '../../config/configuration.js';
import { providerOrders } from '../../db/queries/ordered.js';
import { presets } from '../../providers/presets.js';
import { withAdminApi } from '../admin-api.js';
import { collect, sortColumn } from '../arguments.js';
import type { Ask } from '../daemon/control-socket.js';
import type { GatewayStatus } from '../daemon/status-view.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { printJson } from '../output.js';
import {
  addProvider,
  findProvider,
  removeProvider,
  setEnabled,
  updateProvider,
} from './provider-changes.js';
import { addProviderOptions } from './provider-input.js';
import { providerTestCommand } from './provider-test.js';
import {
  printProvider,
  printProviders,
  providerJson,
  type ShownProvider,
} from './provider-view.js';

const statusTimeoutMs = 5_000;

/** `llmproxy provider …`: the upstream APIs that requests are sent to. */
export function providerCommand(): Command {
  const command = new Command('provider')
    .alias('providers')
    .description('manage the upstream APIs');
  command.addCommand(
    addProviderOptions(new Command('add').alias('create'), [
      ...providerTypes,
      ...Object.keys(presets),
    ])
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
  $ llmproxy provider add bedrock --type bedrock --param region=eu-west-1 \\
      --param auth.method=imds
  $ llmproxy provider add local --api-base http://127.0.0.1:8000/v1 \\
      --api-key none --weight 2 --map "gpt-4*=llama-3.3-70b"`,
      )
      .action(addProvider),
  );
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list the providers')
      .option(
        '--sort <column>',
        `${Object.keys(providerOrders).join(', ')}; -column: reverse`,
        sortColumn(Object.keys(providerOrders)),
      )
      .addHelpText(
        'after',
        `
Example:
  $ llmproxy provider list --json | jq -r '.[].provider_key'`,
      )
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a provider, with its key masked')
      .argument('<provider_key>')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider show openai')
      .action(show),
  );
  command.addCommand(
    addProviderOptions(new Command('update').alias('edit'))
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
      .action(updateProvider),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a provider')
      .argument('<provider_key>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider delete openai --yes')
      .action(removeProvider),
  );
  command.addCommand(providerTestCommand());
  command.addCommand(
    addGatewayOptions(new Command('enable'))
      .description('send requests to a provider again')
      .argument('<provider_key>')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider enable openai')
      .action((key: string, flags: DatabaseFlags) => setEnabled(key, flags, true)),
  );
  command.addCommand(
    addGatewayOptions(new Command('disable'))
      .description('send no requests to a provider, but keep it')
      .argument('<provider_key>')
      .addHelpText('after', '\nExample:\n  $ llmproxy provider disable openai')
      .action((key: string, flags: DatabaseFlags) => setEnabled(key, flags, false)),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy provider list');
}

async function list({ sort, ...flags }: DatabaseFlags & { sort?: string }): Promise<void> {
  const query = sort === undefined ? '' : `?sort=${sort}`;
  const { providers, states } = await withAdminApi(flags, 'read', async (api, ask) => ({
    ...(await api.ask<{ providers: ShownProvider[] }>('GET', `/providers${query}`)),
    states: await statesOf(ask),
  }));
  const stateOf = ({ provider_key, is_enabled }: ShownProvider) =>
    states.get(provider_key) ?? (is_enabled ? 'enabled' : 'disabled');
  if (flags.json) {
    printJson(providers.map((row) => ({ ...providerJson(row), state: stateOf(row) })));
  } else printProviders(providers, stateOf);
}

/** The state of each provider, as in `llmproxy status`; empty if no gateway runs. */
async function statesOf(ask: Ask): Promise<ReadonlyMap<string, string>> {
  try {
    const { text } = await ask({ path: '/admin/v1/status', timeoutMs: statusTimeoutMs });
    const { providers } = JSON.parse(text) as GatewayStatus;
    return new Map(providers.map(({ provider, state }) => [provider, state]));
  } catch {
    return new Map();
  }
}

async function show(key: string, flags: DatabaseFlags): Promise<void> {
  const provider = await withAdminApi(flags, 'read', (api) => findProvider(api, key));
  if (flags.json) printJson(providerJson(provider));
  else printProvider(provider);
}
