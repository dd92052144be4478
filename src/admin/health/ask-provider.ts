import type { Provider } from '../../config/configuration.js';
import type { Dialect } from '../../dialects/dialect.js';
import { Attempt } from '../../upstream/attempt.js';
import type { Upstreams } from '../../upstream/upstream.js';

export interface ProviderRequest {
  /** Of the body and the answer; absent for a list of models. */
  dialect?: Dialect;
  method: 'GET' | 'POST';
  /** Below `api_base`. */
  path: string;
  /** Sent as JSON. */
  body?: object;
}

export interface ProviderAnswer {
  status: number;
  text: string;
  /** From the request to the end of the answer. */
  tookMs: number;
}

export interface AskBounds {
  /** Of the whole, from the connection to the end of the answer. */
  timeoutMs: number;
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * Sends one request of our own to a provider, with its key and headers.
 * @throws UpstreamError, also when `signal` aborts; Error for an answer that is too long.
 */
export async function askProvider(
  upstreams: Upstreams,
  provider: Provider,
  { method, path, body }: ProviderRequest,
  { timeoutMs, maxBytes, signal }: AskBounds,
): Promise<ProviderAnswer> {
  const { pool, basePath, headers, headerNames } = upstreams.of(provider);
  const own = headerNames.has('content-type') ? [] : ['content-type', 'application/json'];
  const startMs = performance.now();
  const attempt = new Attempt();
  const timer = setTimeout(() => attempt.abort('timeout'), timeoutMs);
  const stop = () => attempt.abort();
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    pool.dispatch(
      {
        method,
        path: basePath + path,
        headers: body ? [...headers, ...own] : [...headers],
        body: body ? JSON.stringify(body) : null,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      },
      attempt,
    );
    await attempt.ready;
    const text = (await readAll(attempt, maxBytes)).toString('utf8');
    return { status: attempt.status, text, tookMs: performance.now() - startMs };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function readAll(attempt: Attempt, maxBytes: number): Promise<Buffer> {
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
