import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Settings } from '../../config/settings.js';
import { CliError, errorMessage } from '../failure.js';

/** Flags of every command that queries the running daemon. */
export interface DaemonFlags {
  dataDir?: string;
  config?: string;
  json?: boolean;
}

/** Adds the flags that select the daemon, and `--json`. */
export function addDaemonOptions(command: Command): Command {
  return command
    .option('--data-dir <path>', "the running gateway's data directory (LLMPROXY_DATA_DIR)")
    .option('--config <file>', 'settings file in YAML (LLMPROXY_CONFIG)')
    .option('--json', 'print JSON');
}

/** The daemon's answer, with its JSON parsed. */
export interface DaemonAnswer {
  status: number;
  body: unknown;
}

/** No daemon serves on this data directory. */
export class NoDaemonError extends CliError {
  constructor(dataDir: string) {
    super(`no llmproxy runs on the data directory ${dataDir}`, {
      hint: 'start it with llmproxy serve, or name its data directory with --data-dir',
    });
  }
}

export type DaemonSettings = Pick<Settings, 'data_dir' | 'admin'>;

/**
 * Queries the daemon of this data directory.
 * @param path such as `/admin/v1/status`.
 * @returns the body of a successful answer.
 * @throws NoDaemonError, or CliError with the daemon's error message.
 */
export async function askDaemon(settings: DaemonSettings, path: string): Promise<unknown> {
  const { status, body } = await getFromDaemon(settings, path);
  if (status === 200) return body;
  const error: unknown = body instanceof Object ? Reflect.get(body, 'error') : undefined;
  const message: unknown = error instanceof Object ? Reflect.get(error, 'message') : undefined;
  throw new CliError(
    typeof message === 'string' ? message.replace(/\.$/, '') : `the daemon answers ${status}`,
    hintFor(status),
  );
}

/**
 * As `askDaemon`, for answers of any status.
 * @throws NoDaemonError, or CliError where the daemon does not answer.
 */
export async function getFromDaemon(
  { data_dir: dataDir, admin }: DaemonSettings,
  path: string,
  timeoutMs = 10_000,
): Promise<DaemonAnswer> {
  try {
    const key = admin.key ?? (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim();
    const { status, text } = await get(join(dataDir, 'control.sock'), path, key, timeoutMs);
    return { status, body: JSON.parse(text) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ECONNREFUSED') throw new NoDaemonError(dataDir);
    if (code === 'EACCES') {
      throw new CliError(`the daemon on ${dataDir} belongs to another user`, {
        hint: 'run this as the user of the daemon, or as root',
      });
    }
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    const reason = timedOut ? `no answer within ${timeoutMs / 1000} s` : errorMessage(error);
    throw new CliError(`cannot reach the daemon: ${reason}`);
  }
}

function get(
  socketPath: string,
  path: string,
  key: string,
  timeoutMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    signal.addEventListener('abort', () => reject(signal.reason));
    const headers = { authorization: `Bearer ${key}` };
    request({ socketPath, signal, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

function hintFor(status: number): { hint?: string } {
  if (status === 401)
    return { hint: 'give this command the same settings as the daemon (ADMIN_KEY)' };
  return status === 404
    ? { hint: 'the id is in the answer’s header x-request-id; ids of other instances are theirs' }
    : {};
}
