import type { IncomingHttpHeaders } from 'node:http';
import { hostProblem } from '../config/network/address.js';
import { noProxy } from '../config/network/http-proxy.js';
import type { Settings } from '../config/settings/settings-types.js';
import { Attempt } from './attempt.js';
import { Upstreams } from './upstreams.js';

export interface FetchRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: string;
  /** Flat, lower case. */
  headers?: readonly string[];
  body?: Buffer | string | null;
  /** Maximum total time, from the connection to the end of the answer. */
  timeoutMs: number;
  maxBytes: number;
  /** Connects without a proxy. */
  isDirect?: boolean;
  /** Also allows addresses forbidden to providers, such as that of a metadata service. */
  isLocalService?: boolean;
}

export interface FetchedBytes {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Sends one request of the gateway itself to an address that is not a provider's. Redirects are not
 * followed.
 * @param pools keep connections for later requests; null: a single-use one.
 * @throws UpstreamError; Error for an address that is not allowed or an answer that is too long.
 */
export async function fetchBytes(
  settings: Settings['upstream'],
  request: FetchRequest,
  pools: Upstreams | null = null,
): Promise<FetchedBytes> {
  const { method, url, headers = [], body = null, timeoutMs, maxBytes } = request;
  const { isLocalService = false, isDirect = isLocalService } = request;
  const { origin, hostname, pathname, search, protocol } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('is not an http address');
  const problem = isLocalService ? null : hostProblem(hostname, settings.private_addresses);
  if (problem) throw new Error(`the host ${hostname} ${problem}`);
  const upstreams = pools ?? new Upstreams({ ...settings, max_connections_per_provider: 1 });
  const attempt = new Attempt();
  const timer = setTimeout(() => attempt.abort('timeout'), timeoutMs);
  try {
    const proxy = isDirect ? noProxy : null;
    const connection = {
      key: origin,
      origin,
      connectMs: timeoutMs,
      tls: null,
      proxy,
      http2: false,
    };
    upstreams.pool(connection).dispatch(
      {
        method,
        path: pathname + search,
        headers: ['accept-encoding', 'identity', ...headers],
        body,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      },
      attempt,
    );
    await attempt.ready;
    const read = await readAll(attempt, maxBytes);
    return { status: attempt.status, headers: attempt.headers, body: read };
  } finally {
    clearTimeout(timer);
    if (!pools) upstreams.retain([]);
  }
}

/**
 * The whole body of a ready answer.
 * @throws UpstreamError; Error where it is too long.
 */
export function readAll(attempt: Attempt, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const take = (piece: Buffer) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > maxBytes) {
        reject(new Error(`answered with more than ${maxBytes} bytes`));
        attempt.abort();
      }
      return true;
    };
    take(attempt.takeHeld());
    attempt.read({
      onData: take,
      onEnd: () => resolve(Buffer.concat(pieces)),
      onError: reject,
    });
  });
}
