import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { leaves } from '../../config/settings/leaves.js';
import { settingsSchema } from '../../config/settings/settings-schema.js';
import { inPackage } from '../../package.js';
import { CliError } from '../failure.js';

/** A gateway in its own process. */
export interface GatewayProcess {
  /** Such as `http://127.0.0.1:41234`. */
  url: string;
  /** Resolves when it ends, with a description of how. */
  exited: Promise<string>;
  /** Lets requests in flight finish and resolves when the process is gone. */
  stop(): Promise<unknown>;
  /** Sends the signal again, which ends it at once. */
  kill(): void;
}

const executable = inPackage('bin/llmproxy.js');
const readyWithinMs = 60_000;

/**
 * Starts `llmproxy serve` on a free port of 127.0.0.1 with this data directory, ignoring the user's
 * environment, `.env` and settings file.
 * @throws CliError with the last lines of its log when it ends, or is not ready in a minute.
 */
export async function startGateway(dataDir: string, stop: AbortSignal): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [executable, ...serveArguments(dataDir)], {
    cwd: dataDir,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: Ctrl-C then reaches only this process, which forwards it once, in
    // order.
    detached: true,
  });
  const exited = exitOf(child);
  const gateway = {
    exited,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: () => {
      child.kill('SIGINT');
    },
  };
  try {
    return { ...gateway, url: await readyUrl(child, exited, stop) };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

function serveArguments(dataDir: string): string[] {
  return [
    ...['serve', '--host', '127.0.0.1', '--port', '0', '--workers', '1'],
    ...['--data-dir', dataDir, '--log-level', 'info'],
  ];
}

/** Without the variables of settings: those of a real gateway name its database, Valkey and receivers. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const settings = [...leaves(settingsSchema.properties)].flatMap(({ env, envAlso }) => [
    env,
    envAlso,
  ]);
  const others = /^(STATE_DIRECTORY|CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|LLMPROXY_.*|PG[A-Z]+)$/;
  const isOwn = (name: string) => settings.includes(name.toUpperCase()) || others.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOwn(name)));
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

/** Resolves with the URL of the log's `ready` event; reads both streams to their end. */
async function readyUrl(
  child: ChildProcess,
  exited: Promise<string>,
  stop: AbortSignal,
): Promise<string> {
  const lastLines: string[] = [];
  const fail = (why: string) => {
    const log = lastLines.length > 0 ? `; its log ends:\n${lastLines.join('\n')}` : '';
    return new CliError(`the gateway did not start: ${why}${log}`);
  };
  return await new Promise((resolve, reject) => {
    const onLine = (line: string) => {
      lastLines.push(line);
      if (lastLines.length > 10) lastLines.shift();
      const url = urlOfReadyLine(line);
      if (url !== null) resolve(url);
    };
    for (const input of [child.stdout, child.stderr]) {
      if (input !== null) createInterface({ input }).on('line', onLine);
    }
    exited.then((how) => reject(fail(how)));
    const deadline = AbortSignal.timeout(readyWithinMs);
    deadline.addEventListener('abort', () =>
      reject(fail(`not ready in ${readyWithinMs / 1000} s`)),
    );
    stop.addEventListener('abort', () => reject(fail('it was stopped')));
    if (stop.aborted) reject(fail('it was stopped'));
  });
}

function urlOfReadyLine(line: string): string | null {
  try {
    const { event, url } = JSON.parse(line);
    return event === 'ready' && typeof url === 'string' ? url : null;
  } catch {
    return null;
  }
}
