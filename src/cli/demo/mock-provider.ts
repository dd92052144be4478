import { Command, InvalidArgumentError } from 'commander';
import { claimPort } from '../../daemon/workers/listen-port.js';
import { defaultBehaviour, defaultPort } from '../../mock-provider/options.js';
import { startMockProvider } from '../../mock-provider/server.js';
import { steeringHelp } from '../../mock-provider/steering.js';

interface Options {
  port: number;
  host: string;
  latencyMs: number;
  chunks: number;
  chunkIntervalMs: number;
  failRate: number;
  seed: number;
  name: string;
  json?: true;
}

/** `llmproxy mock-provider`: runs an upstream for demos, tests and benchmarks. */
export function mockProviderCommand(): Command {
  const { latencyMs, chunks, chunkIntervalMs, failRate, seed } = defaultBehaviour;
  return new Command('mock-provider')
    .description('run an OpenAI-compatible provider that needs no account, for tests')
    .option('--port <n>', 'port to listen on, 0 for a free one', integer(0, 65_535), defaultPort)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--latency-ms <n>', 'wait before the first byte', number(0, 3_600_000), latencyMs)
    .option('--chunks <n>', 'content chunks of a stream', integer(1, 1_000_000), chunks)
    .option('--chunk-interval-ms <n>', 'wait between chunks', number(0, 3_600_000), chunkIntervalMs)
    .option('--fail-rate <f>', 'share of requests answered with 500', number(0, 1), failRate)
    .option('--seed <n>', 'selects the requests that fail', integer(0, 0xffffffff), seed)
    .option('--name <name>', 'sent as x-mock-provider', headerText, 'mock')
    .option('--json', 'print the address as JSON')
    .addHelpText('after', helpText())
    .action(run);
}

async function run({ json, ...options }: Options): Promise<void> {
  const port = await claimPort(options.host, options.port);
  const mock = await startMockProvider({ ...options, port });
  process.stdout.write(
    json
      ? `${JSON.stringify({ port: mock.port, url: mock.url, name: options.name })}\n`
      : `Mock provider listens on ${mock.url}\nAdd it with: ${addCommand(mock.url)}\n`,
  );
  await stopSignal();
  await mock.close();
}

function addCommand(url: string): string {
  return `llmproxy provider add mock --api-base ${url} --api-key mock`;
}

/** Resolves at SIGINT or SIGTERM; a second one ends the process as by default. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`Must be a number from ${min} to ${max}.`);
    }
    return value;
  };
}

function integer(min: number, max: number): (text: string) => number {
  const parse = number(min, max);
  return (text) => {
    if (!/^\d+$/.test(text)) {
      throw new InvalidArgumentError(`Must be an integer from ${min} to ${max}.`);
    }
    return parse(text);
  };
}

function headerText(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new InvalidArgumentError('Must be printable ASCII without spaces.');
  }
  return text;
}

function helpText(): string {
  const models = steeringHelp.map(([model, effect]) => `  ${model.padEnd(24)}${effect}`);
  return `
Models that steer it (any other name is answered as usual):
${models.join('\n')}

While it runs:
  GET  /mock/stats          requests seen, active and aborted, and the last one
  POST /mock/config         change its behaviour: {"latencyMs":200}

Examples:
  $ llmproxy mock-provider --port 18080 --latency-ms 200
  $ llmproxy provider add mock --api-base http://127.0.0.1:${defaultPort}/v1 \\
      --api-key mock`;
}
