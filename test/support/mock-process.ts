import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MockStats } from '../../src/mock-provider/server.js';

const executable = fileURLToPath(new URL('../../../bin/llmproxy.js', import.meta.url));

export interface MockProcessOptions {
  latencyMs?: number;
  chunks?: number;
  chunkIntervalMs?: number;
}

/** `llmproxy mock-provider` in its own process, which can be killed and restarted. */
export interface MockProcess {
  readonly url: string;
  readonly pid: number;
  stats(): Promise<MockStats>;
  kill(signal: NodeJS.Signals): void;
  /** Kills it and resolves when it has ended. */
  end(): Promise<void>;
  /** Starts it again on the same port, after its end. */
  restart(): Promise<void>;
}

/** @throws Error with its output when it does not start. */
export async function startMockProcess(options: MockProcessOptions = {}): Promise<MockProcess> {
  const { latencyMs = 0, chunks = 10, chunkIntervalMs = 0 } = options;
  const behaviour = ['--latency-ms', latencyMs, '--chunks', chunks];
  behaviour.push('--chunk-interval-ms', chunkIntervalMs);
  let { child, url } = await start(0, behaviour);
  const port = Number(new URL(url).port);
  return {
    url,
    get pid() {
      return child.pid ?? 0;
    },
    async stats() {
      const answer = await fetch(new URL('/mock/stats', url));
      return (await answer.json()) as MockStats;
    },
    kill: (signal) => void child.kill(signal),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async restart() {
      ({ child, url } = await start(port, behaviour));
    },
  };
}

async function start(
  port: number,
  behaviour: (string | number)[],
): Promise<{ child: ChildProcess; url: string }> {
  const args = [executable, 'mock-provider', '--json', '--port', port, ...behaviour].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const line = await Promise.race([
    once(child.stdout, 'data').then(([text]) => String(text)),
    once(child, 'exit').then(() => null),
  ]);
  if (line === null) throw new Error(`the mock provider did not start: ${errors}`);
  return { child, url: String(JSON.parse(line).url) };
}
