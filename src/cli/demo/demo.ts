import { Command } from 'commander';
import { CliError } from '../failure.js';
import { forTerminal, note, paint, print, printJson } from '../output.js';
import { createDemoFolder } from './demo-folder.js';
import { type GatewayProcess, startGateway } from './demo-gateway.js';
import { streamAnswer } from './stream-answer.js';

const model = 'gpt-4o-mini';
const question = 'What is this?';

interface DemoFlags {
  once?: boolean;
  json?: boolean;
}

/** `llmproxy demo`: shows the gateway at work, without setup or leftovers. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run a temporary gateway with a mock provider')
    .option('--once', 'stop after the first answer')
    .option('--json', 'print JSON, with the answer when it is complete')
    .addHelpText(
      'after',
      `
Uses free ports on 127.0.0.1, needs no account, and does not touch your settings
or databases.

Examples:
  $ llmproxy demo
  $ llmproxy demo --once --json | jq -r .answer`,
    )
    .action(demo);
}

async function demo(flags: DemoFlags): Promise<void> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = stopRequest();
  try {
    await runDemo(flags, stop, closers);
  } catch (error) {
    // Errors caused by the stop itself are not failures.
    if (!stop.signal.aborted) throw error;
  } finally {
    for (const close of closers.reverse()) await close();
    stop.forget();
  }
}

async function runDemo(flags: DemoFlags, stop: StopRequest, closers: (() => Promise<unknown>)[]) {
  if (!flags.json) note(paint('dim', 'starting a mock provider and a gateway…', process.stderr));
  const { startMockProvider } = await import('../../mock-provider/server.js');
  const mock = await startMockProvider();
  closers.push(() => mock.close());
  const folder = await createDemoFolder();
  closers.push(() => folder.remove());
  const gateway = await startGateway(folder.path, stop.signal);
  closers.push(() => gateway.stop());
  stop.onAgain(() => gateway.kill());
  const key = await configure(folder.path, mock.url);

  const command = curl(gateway.url, key);
  if (!flags.json) {
    print(`\nThe gateway runs at ${gateway.url}. In another terminal, try:\n`);
    print(`${command}\n`);
    print('Its answer, as it arrives:\n');
  }
  const write = (text: string) => flags.json || process.stdout.write(forTerminal(text));
  const answer = await streamAnswer(
    gateway.url,
    key,
    requestBody,
    write,
    AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]),
  );
  if (flags.json) printJson({ url: gateway.url, key, model, curl: command, answer });
  else print('\n');
  if (flags.once) return;
  if (!flags.json) print(`The console, signed in by this link once: ${await link(folder.path)}\n`);
  if (!flags.json) print('It runs until you press Ctrl-C, and leaves nothing behind.');
  await untilStopped(gateway, stop.signal);
}

/** Adds the provider and a key to the running gateway. @returns the key. */
async function configure(dataDir: string, apiBase: string): Promise<string> {
  const { daemonApi } = await import('../admin-api.js');
  const api = daemonApi({ dataDir, adminKey: null });
  const provider = { provider_key: 'mock', api_base: apiBase, api_key: 'mock' };
  await api.ask('POST', '/providers?wait=active', provider);
  const key = { name: 'demo' };
  const path = '/credentials?wait=active';
  return (await api.ask<{ credential: { key: string } }>('POST', path, key)).credential.key;
}

async function link(dataDir: string): Promise<string> {
  const { createSignInLink } = await import('../console/console.js');
  return (await createSignInLink({ data_dir: dataDir, admin: { key: null } })).url;
}

const requestBody = JSON.stringify({
  model,
  stream: true,
  messages: [{ role: 'user', content: question }],
});

function curl(url: string, key: string): string {
  return [
    `curl -N ${url}/v1/chat/completions \\`,
    `  -H "Authorization: Bearer ${key}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '${requestBody}'`,
  ].join('\n');
}

interface StopRequest {
  /** Aborts at the first signal, or when the reader of the output has left. */
  signal: AbortSignal;
  /** Called at a second signal. */
  onAgain(callback: () => void): void;
  forget(): void;
}

function stopRequest(): StopRequest {
  const controller = new AbortController();
  let again = () => {};
  const onSignal = () => {
    if (controller.signal.aborted) again();
    else controller.abort();
  };
  const onPipeError = () => controller.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  process.stdout.on('error', onPipeError);
  return {
    signal: controller.signal,
    onAgain: (callback) => {
      again = callback;
    },
    forget: () => {
      for (const signal of signals) process.off(signal, onSignal);
      process.stdout.off('error', onPipeError);
    },
  };
}

async function untilStopped(gateway: GatewayProcess, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<'stopped'>((resolve) => {
    signal.addEventListener('abort', () => resolve('stopped'));
    if (signal.aborted) resolve('stopped');
  });
  const outcome = await Promise.race([stopped, gateway.exited]);
  if (outcome !== 'stopped') throw new CliError(`the gateway ended by itself: ${outcome}`);
}
