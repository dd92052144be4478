import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Closers } from '../closers.js';

const readyMs = 120_000;
const stopMs = 15_000;

export interface StartOptions {
  /** For messages. */
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  closers: Closers;
}

/** A serving process, stopped by the closers. */
export interface Started {
  pid: number;
  /** Resolves when `path` answers below 500. @throws Error with its output when it ends first. */
  ready(port: number, path: string): Promise<void>;
}

/** Starts a process that is a target, or part of one. */
export function startProcess({ name, command, args, env, closers }: StartOptions): Started {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (text: Buffer) => {
    output = (output + text.toString()).slice(-4000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => {
    output += error.message;
  });
  closers.push(() => stopProcess(child));
  return {
    pid: child.pid ?? 0,
    ready: async (port, path) => {
      const deadline = Date.now() + readyMs;
      while (!(await answers(port, path))) {
        if (hasEnded(child) || child.pid === undefined || Date.now() > deadline) {
          throw new Error(`${name} did not start: ${output.trim() || 'no output'}`);
        }
        await sleep(50);
      }
    },
  };
}

/**
 * Runs a command to its end.
 * @returns its standard output.
 * @throws Error with its output when it fails.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) {
    throw new Error(
      `${command} ${args.slice(0, 3).join(' ')} failed: ${(errors || output).trim()}`,
    );
  }
  return output;
}

/** A port that is currently free. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('The system gave no free port');
  }
  return address.port;
}

async function answers(port: number, path: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`);
    await body.dump();
    return statusCode < 500;
  } catch {
    return false;
  }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) {
    return;
  }
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(timer);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
