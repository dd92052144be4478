import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { commandUserHeader } from '../../admin/access/caller.js';
import { cliActor } from '../actor.js';

/** Sends a request to a gateway; the answer has any status. */
export type Ask = (request: ControlRequest) => Promise<{ status: number; text: string }>;

/** The daemon to ask. */
export interface ControlSocket {
  dataDir: string;
  /** Null: the one in the data directory. */
  adminKey: string | null;
}

export interface ControlRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Such as `/admin/v1/status`. */
  path: string;
  /** Sent as JSON. */
  body?: object | undefined;
  timeoutMs: number;
}

/**
 * Sends a request to the daemon's control socket.
 * @returns the answer, of any status.
 * @throws Error with code `ENOENT` or `ECONNREFUSED` if no daemon runs, a TimeoutError, and others.
 */
export async function askControlSocket(
  { dataDir, adminKey }: ControlSocket,
  { method = 'GET', path, body, timeoutMs }: ControlRequest,
): Promise<{ status: number; text: string }> {
  // A daemon of this version needs no key: only its user, and root, can open the socket.
  const key = adminKey ?? (await readFile(join(dataDir, 'admin-key'), 'utf8').catch(() => null));
  const content = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    ...(key !== null && { authorization: `Bearer ${key.trim()}` }),
    [commandUserHeader]: encodeURIComponent(cliActor()),
    'content-length': Buffer.byteLength(content),
  };
  return await new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    signal.addEventListener('abort', () => reject(signal.reason));
    const socketPath = join(dataDir, 'control.sock');
    request({ socketPath, signal, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    })
      .on('error', reject)
      .end(content);
  });
}
