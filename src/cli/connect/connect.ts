import { Command } from 'commander';
import type { Settings } from '../../config/settings/settings.js';
import { settingsForUse } from '../daemon/settings.js';
import { settingsFlags } from '../database/connection.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { note, print, printJson } from '../output.js';
import { type ClientName, clients } from './connect-clients.js';

interface ConnectFlags {
  url?: string;
  key?: string;
  model?: string;
  try?: boolean;
  config?: string;
  dataDir?: string;
  json?: boolean;
}

const tryTimeoutMs = 10_000;
const placeholder = 'YOUR_KEY';

/** `llmproxy connect CLIENT`: prints the settings of a client for this gateway. */
export function connectCommand(): Command {
  return new Command('connect')
    .description('print the settings of a client for this gateway')
    .argument('<client>', Object.keys(clients).join(', '))
    .option('--key <key>', 'a key of this gateway; else a placeholder is printed')
    .option('--model <model>', 'the model to ask for')
    .option('--url <url>', 'where clients reach the gateway; else as its settings say')
    .option('--try', 'list the models with these settings first')
    .option('--data-dir <path>', 'of the gateway (LLMPROXY_DATA_DIR)')
    .option('--config <file>', 'settings file in YAML (LLMPROXY_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ llmproxy connect claude-code --key sk-llmp-...
  $ llmproxy connect codex --url https://llm.example.com --model gpt-5
  $ eval "$(llmproxy connect openai --key sk-llmp-... --try)"`,
    )
    .action(run);
}

async function run(name: string, flags: ConnectFlags): Promise<void> {
  if (!isClient(name)) {
    throw usageError(
      `the client "${name}" is not known`,
      `known are: ${Object.keys(clients).join(', ')}`,
    );
  }
  const { json, key = placeholder } = flags;
  if (key === '' || /[^!-~]/.test(key)) throw usageError('--key: this cannot be a key');
  const url = flags.url ? originOf(flags.url) : await addressOf(flags);
  const client = clients[name];
  const model = flags.model ?? client.model;
  const models = flags.try ? await listModels(url, flags.key) : null;
  const settings = client.settings({ url, key, model });
  if (json) {
    const tried = models === null ? {} : { models };
    printJson({ client: name, url, model, place: client.place, settings, ...tried });
    return;
  }
  note(`# ${name}: ${client.place}`);
  if (models !== null) note(`# the key works, and may use ${models.length} listed models`);
  print(settings);
  if (key === placeholder) note(`# ${placeholder}: make a key with llmproxy keys create NAME`);
}

function isClient(name: string): name is ClientName {
  return Object.hasOwn(clients, name);
}

/** The URL without a path, since clients add their API's path. @throws CliError for other URLs. */
function originOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw usageError(`--url: "${given}" is not a URL of http or https`);
  }
  if (url.username || url.search || url.hash) {
    throw usageError('--url: only scheme, host, port and path belong there');
  }
  return (url.origin + url.pathname).replace(/(\/v1)?\/*$/, '');
}

async function addressOf({ config, dataDir, json }: ConnectFlags): Promise<string> {
  const flags = {
    ...(config !== undefined && { config }),
    ...(dataDir !== undefined && { dataDir }),
  };
  const { server, data_dir } = await settingsForUse(settingsFlags(flags), json);
  const { findDaemon } = await import('../daemon/running-daemon.js');
  // The daemon may run on another port than the settings say.
  const { host, port } = findDaemon(data_dir) ?? server;
  return listenerUrl({ ...server, host, port });
}

/** A URL by which this machine reaches the gateway's listener. */
export function listenerUrl({
  host,
  port,
  tls,
}: Pick<Settings['server'], 'host' | 'port' | 'tls'>) {
  const local = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host];
  const name = local ?? (host.includes(':') ? `[${host}]` : host);
  return `${tls.cert === null ? 'http' : 'https'}://${name}:${port}`;
}

/** @throws CliError with the gateway's answer. */
async function listModels(url: string, key: string | undefined): Promise<string[]> {
  if (key === undefined) throw usageError('--try needs --key');
  let answer: { status: number; body: { data?: { id: string }[]; error?: { message: string } } };
  try {
    const response = await fetch(`${url}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(tryTimeoutMs),
    });
    answer = { status: response.status, body: (await response.json()) as typeof answer.body };
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    throw new CliError(`no gateway answers at ${url}: ${errorMessage(cause)}`, {
      hint: 'start it with llmproxy serve, or name its address with --url',
    });
  }
  const { status, body } = answer;
  if (status === 200 && Array.isArray(body.data)) return body.data.map(({ id }) => id);
  throw new CliError(`${url} answers ${status}: ${body.error?.message ?? 'no list of models'}`, {
    ...(status === 401 && { hint: 'make a key with: llmproxy keys create NAME' }),
  });
}
