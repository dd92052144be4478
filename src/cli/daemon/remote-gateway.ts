import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import type { Settings } from '../../config/settings/settings.js';
import type { ClientPool, ClientRequest } from '../../upstream/client/exchange-handler.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { warn } from '../output.js';
import { askSecret, canAsk } from '../prompt.js';
import type { Ask } from './control-socket.js';

/** Flags of commands that also work on a gateway of another machine. */
export interface RemoteFlags {
  gateway?: string;
  /** The name of `gateway` before. */
  url?: string;
  adminKey?: string;
}

export function addRemoteOptions(command: Command): Command {
  return command
    .option('--gateway <url>', 'a gateway on another machine, with its admin key (LLMPROXY_URL)')
    .addOption(new Option('--url <url>').hideHelp().conflicts('gateway'))
    .option('--admin-key <key>', 'for --gateway (ADMIN_KEY); prompted for on a terminal');
}

/** The gateway to ask instead of this machine's; null: none. */
export function remoteUrl({ gateway, url }: RemoteFlags): string | null {
  return gateway ?? url ?? (process.env.LLMPROXY_URL || null);
}

/** Answers include documents of up to 100,000 keys. */
const connectTimeoutMs = 10_000;
/** A page of rows takes no longer than a report. */
const pipeTimeoutMs = 70_000;

/**
 * Connects to a gateway over the network.
 * @param url its own, or that of its admin listener; `unix:/path` for one on this machine.
 * @throws CliError, a usage error if no admin key is given.
 */
export async function remoteAsk(
  url: string,
  flags: RemoteFlags,
  settings: Pick<Settings, 'upstream' | 'admin'>,
  json: boolean | undefined,
): Promise<Ask> {
  const exchange = await openExchange(url, flags, settings, json);
  return async ({ method = 'GET', path, body, timeoutMs }) => {
    const sent = body === undefined ? (method === 'GET' ? null : '') : JSON.stringify(body);
    return await exchange({ method, path, body: sent, timeoutMs }, textOf);
  };
}

/**
 * Writes the body of a successful answer as it arrives, no faster than `out` takes it.
 * @throws as `remoteAsk`, or CliError with the gateway's error message.
 */
export async function remotePipe(
  url: string,
  flags: RemoteFlags,
  settings: Pick<Settings, 'upstream' | 'admin'>,
  path: string,
  out: Writable,
): Promise<void> {
  const exchange = await openExchange(url, flags, settings, false);
  const request = { method: 'GET', path, body: null, timeoutMs: pipeTimeoutMs };
  const { status, text } = await exchange(request, (pool, sent) => pipedTo(out, pool, sent));
  if (status === 200) return;
  const { error } = JSON.parse(text) as { error?: { message?: string } };
  throw new CliError(error?.message?.replace(/\.$/, '') ?? `the gateway answers ${status}`);
}

interface Sent {
  method: string;
  path: string;
  body: string | null;
  timeoutMs: number;
}

type Taken = { status: number; text: string };
type Take = (pool: ClientPool, request: ClientRequest) => Promise<Taken>;

async function openExchange(
  url: string,
  { adminKey }: RemoteFlags,
  { upstream, admin }: Pick<Settings, 'upstream' | 'admin'>,
  json: boolean | undefined,
): Promise<(sent: Sent, take: Take) => Promise<Taken>> {
  const { origin, prefix, socketPath } = placeOf(url);
  const [{ NetPool }, { proxyFor }, { isLoopback }] = await Promise.all([
    import('../../upstream/client/net-pool.js'),
    import('../../config/network/http-proxy.js'),
    import('../../config/network/is-loopback.js'),
  ]);
  const key =
    adminKey ?? admin.key ?? (canAsk(json) ? await askSecret(`Admin key of ${url}`) : null);
  if (key === null) {
    throw usageError('--gateway needs an admin key', 'set ADMIN_KEY, or give --admin-key');
  }
  const { protocol, hostname } = new URL(origin);
  if (!socketPath && protocol === 'http:' && !isLoopback(hostname)) {
    warn(`the admin key is sent to ${origin} unencrypted: use https://`, json);
  }
  return async ({ method, path, body, timeoutMs }, take) => {
    const pool = new NetPool({
      origin,
      ...(socketPath && { socketPath }),
      maxConnections: 1,
      connectTimeoutMs,
      proxy: socketPath ? null : proxyFor(origin, null, upstream),
    });
    const request = {
      method,
      path: prefix + path,
      headers: ['authorization', `Bearer ${key}`, 'accept', 'application/json'],
      body,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    };
    try {
      const answer = await take(pool, request);
      refuseOther(answer, url);
      return answer;
    } catch (error) {
      if (error instanceof CliError || isOutputError(error)) throw error;
      throw new CliError(`cannot reach the gateway at ${url}: ${errorMessage(error)}`, {
        hint: 'check the address, and that it answers: curl URL/health',
      });
    } finally {
      pool.destroy();
    }
  };
}

function placeOf(url: string): { origin: string; prefix: string; socketPath?: string } {
  if (url.startsWith('unix:/')) {
    return { origin: 'http://localhost', prefix: '', socketPath: url.slice('unix:'.length) };
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw usageError(
      `--gateway: "${url}" is not the address of a gateway`,
      'for example: --gateway https://llm.example.com',
    );
  }
  const { origin, pathname, username, search, hash } = new URL(url);
  if (username || search || hash)
    throw usageError('--gateway: must have no user, query or fragment');
  // People paste the base URL that clients use.
  return { origin, prefix: pathname.replace(/\/+$/, '').replace(/\/v1$/, '') };
}

/** The whole answer. */
function textOf(pool: ClientPool, request: ClientRequest): Promise<Taken> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let status = 0;
    pool.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_control, code) {
        if (code >= 200) status = code;
      },
      onResponseData: (_control, piece) => void pieces.push(Buffer.from(piece)),
      onResponseEnd: () => resolve({ status, text: Buffer.concat(pieces).toString() }),
      onResponseError: (_control, error) => reject(error),
    });
  });
}

/** Returns the text of an answer that is not a success, or sends the body to `out`. */
async function pipedTo(out: Writable, pool: ClientPool, request: ClientRequest): Promise<Taken> {
  let status = 0;
  const body = new PassThrough();
  const pieces: Buffer[] = [];
  const started = new Promise<void>((resolve, reject) => {
    pool.dispatch(request, {
      onRequestStart() {},
      onResponseStart(control, code) {
        if (code < 200) return;
        status = code;
        body.on('drain', () => control.resume());
        body.once('close', () => control.abort(new Error('the output is closed')));
        resolve();
      },
      onResponseData(control, piece) {
        if (status !== 200) pieces.push(Buffer.from(piece));
        else if (!body.write(Buffer.from(piece))) control.pause();
      },
      onResponseEnd: () => void body.end(),
      onResponseError(_control, error) {
        reject(error);
        body.destroy(error);
      },
    });
  });
  await started;
  await pipeline(body, out, { end: out !== process.stdout });
  return { status, text: Buffer.concat(pieces).toString() };
}

/** An error of a file or of standard output. */
function isOutputError(error: unknown): boolean {
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : '';
  return syscall === 'write' || syscall === 'open';
}

/** A proxy in between may answer in place of the admin API. */
function refuseOther({ status, text }: { status: number; text: string }, url: string): void {
  if (status === 401) {
    throw new CliError(`the gateway at ${url} does not accept the admin key`, {
      hint: 'set ADMIN_KEY to its admin key, or give --admin-key',
    });
  }
  if (status >= 300 && !/"error"\s*:\s*\{/.test(text)) {
    throw new CliError(`what answers at ${url} is not llmproxy's admin API (${status})`, {
      hint: 'name the address of its admin API: the same as for clients, or that of admin.listen',
    });
  }
}
