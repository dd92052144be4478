import { Command } from 'commander';
import type { Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings.js';
import { visible } from '../../observe/visible.js';
import { wholeNumber } from '../arguments.js';
import { remoteUrl } from '../daemon/remote-gateway.js';
import { addGatewayOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError } from '../failure.js';
import { note, print, printFields, printJson, printTable } from '../output.js';
import { withProgress } from '../progress.js';
import { duration } from '../requests/usage-view.js';
import type { ProviderTrial, Tried } from './try-provider.js';

interface TestFlags extends DatabaseFlags {
  model?: string;
  timeoutMs: number;
}

const defaultTimeoutMs = 30_000;

/** `llmproxy provider test`: sends real requests to a provider, bypassing the gateway. */
export function providerTestCommand(): Command {
  return addGatewayOptions(
    new Command('test')
      .description('send a provider real, cheap requests and show their timing')
      .argument('<provider_key>')
      .option('--model <model>', "clients' name of it; by default the first in the mapping")
      .option(
        '--timeout-ms <n>',
        'timeout for one answer',
        wholeNumber('--timeout-ms', 1, 3_600_000),
        defaultTimeoutMs,
      ),
  )
    .addHelpText(
      'after',
      `
Sends requests directly to the provider, with the settings, key and override
files of this machine, with or without a running gateway: first for a whole
answer, then for a stream. If no model is known, it requests the list of models.
With --gateway, that gateway asks for a short answer of the model, or of each in
the mapping.

Examples:
  $ llmproxy provider test openai
  $ llmproxy provider test openai --model gpt-4o-mini --json`,
    )
    .action(run);
}

async function run(key: string, { model, timeoutMs, ...flags }: TestFlags): Promise<void> {
  if (remoteUrl(flags) !== null) {
    const { testAtGateway } = await import('./remote-test.js');
    return await testAtGateway(key, model ?? null, timeoutMs, flags);
  }
  const { provider, settings } = await readProvider(key, flags);
  const { tryProvider } = await import('./try-provider.js');
  const trial = await withProgress(`asking ${key}`, flags.json, () =>
    tryProvider(provider, settings, { model: model ?? null, timeoutMs }),
  );
  if (flags.json) printJson({ provider: key, ...trial });
  else show(provider, trial);
  const failed = trial.requests.find(({ error }) => error !== null);
  if (!failed) return;
  const hint = failed.hint?.replaceAll('PROVIDER', key);
  throw new CliError(
    `provider ${key}: ${visible(failed.error ?? '')}`,
    hint === undefined ? {} : { hint },
  );
}

async function readProvider(
  key: string,
  flags: DatabaseFlags,
): Promise<{ provider: Provider; settings: Settings }> {
  const { readStoredConfiguration } = await import('../config/stored-configuration.js');
  return await withDatabase(flags, 'read', async (sql, settings) => {
    const { configuration, unusable } = await readStoredConfiguration(sql, settings, [key]);
    const provider = configuration.providers.find((each) => each.provider_key === key);
    if (!provider) {
      throw new CliError(`there is no provider "${key}"`, {
        hint: 'see the providers with: llmproxy provider list',
      });
    }
    const secret = unusable.find((each) => each.provider === key);
    if (!secret) return { provider, settings };
    throw new CliError(`provider ${key}: its api_key ${secret.reason}`, {
      hint: `give it another: llmproxy provider update ${key} --api-key-env VARIABLE`,
    });
  });
}

function show({ provider_key, api_base, is_enabled }: Provider, trial: ProviderTrial): void {
  const { model, model_sent, requests, address } = trial;
  const sent = model_sent !== null && model_sent !== model ? ` → ${model_sent}` : '';
  printFields([
    ['provider', is_enabled ? provider_key : `${provider_key} (disabled)`],
    ['api base', api_base],
    ...(address === null ? [] : [['address', address] as const]),
    ['model', model === null ? 'none: its list of models was asked for' : model + sent],
  ]);
  print('');
  printTable(requests, [
    { header: 'REQUEST', value: ({ request }) => request },
    { header: 'STATUS', value: ({ status }) => (status === null ? '-' : String(status)) },
    { header: 'CONNECT', value: connectOf, align: 'right' },
    { header: 'FIRST BYTE', value: (each) => duration(each.first_byte_ms), align: 'right' },
    { header: 'FIRST TOKEN', value: (each) => duration(each.first_token_ms), align: 'right' },
    { header: 'TOTAL', value: (each) => duration(each.total_ms), align: 'right' },
    { header: 'TOKENS', value: tokensOf, align: 'right' },
  ]);
  if (model === null && requests.every(({ error }) => error === null)) {
    const listed = trial.models_listed;
    const some = listed.length > 0 ? `: it lists ${shortened(listed)}` : '';
    note(`\nTo ask a model, name one with --model${some}`);
  }
}

function connectOf({ connect_ms, status }: Tried): string {
  if (connect_ms !== null) return duration(connect_ms);
  return status === null ? '-' : 'reused';
}

function tokensOf({ tokens }: Tried): string {
  return tokens ? `${tokens.prompt}+${tokens.completion}` : '-';
}

function shortened(models: readonly string[]): string {
  const some = models.slice(0, 5).join(', ');
  return visible(models.length > 5 ? `${some} and ${models.length - 5} more` : some);
}
