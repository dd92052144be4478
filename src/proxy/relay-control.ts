import { maxAdminBodyBytes, maxDocumentBytes } from '../config/body-limits.js';
import { foreignHost } from '../config/client.js';
import { GatewayError } from '../errors.js';
import { AbortedError, type Exchange } from '../server/exchange.js';
import { endpointHeader } from '../server/relayed.js';
import { Attempt } from '../upstream/attempt.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { bodyInTime } from './body-in-time.js';
import { clientOf } from './client-of.js';
import type { Gateway } from './gateway.js';
import { clientHeaders } from './headers.js';
import { ReaderPace } from './reader-pace.js';
import type { RequestRecord } from './record.js';
import { relay } from './relay.js';

/** What the control process takes on its own listeners; there, a role may have less. */
function maxBodyBytes({ path }: Exchange): number {
  return path.startsWith('/admin/v1/config/') ? maxDocumentBytes : maxAdminBodyBytes;
}

/** A report over many rows, or a change that waits until it is active, may take minutes. */
const controlTimeoutMs = 300_000;

/** All that the control process gets of the client's headers; so a client can set no other. */
const passedOn = new Set([
  'accept',
  'authorization',
  'content-encoding',
  'content-type',
  'if-none-match',
  'user-agent',
]);

/**
 * Passes a request to the control process, which answers admin, metrics and documentation.
 * @throws GatewayError `unavailable` when it does not answer, `unknown_url` where the admin API has
 *   a listener of its own, `permission_denied`, `request_too_large`, `request_timeout`;
 *   AbortedError.
 */
export async function relayControl(
  gateway: Gateway,
  exchange: Exchange,
  record: RequestRecord,
): Promise<void> {
  const { method, path } = exchange;
  const { settings } = gateway;
  if (record.endpoint === '/admin' && settings.admin.listen !== null) {
    throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
  }
  const { address, isLocal, hasForeignHost } = clientOf(gateway, exchange);
  if (hasForeignHost) throw foreignHost();
  const body = await readBody(gateway, exchange, record.endpoint);
  // Two addresses say that a proxy may have been between.
  const from = isLocal ? address : `${address}, ${exchange.remoteAddress}`;
  const headers = ['x-request-id', record.requestId, 'x-forwarded-for', from];
  headers.push(endpointHeader, record.endpoint);
  for (let i = 0; i < exchange.headers.length; i += 2) {
    const name = exchange.headers[i] as string;
    if (passedOn.has(name)) headers.push(name, exchange.headers[i + 1] as string);
  }
  const attempt = new Attempt();
  gateway.control.dispatch(
    {
      method: exchange.method,
      path: exchange.query ? `${exchange.path}?${exchange.query}` : exchange.path,
      headers,
      body: body.length > 0 ? body : null,
      headersTimeout: controlTimeoutMs,
      bodyTimeout: controlTimeoutMs,
    },
    attempt,
  );
  exchange.onAbort(() => attempt.abort());
  try {
    await attempt.ready;
  } catch (error) {
    if (error instanceof UpstreamError && error.failure === 'aborted') throw new AbortedError();
    throw new GatewayError('unavailable', 'The control process does not answer.', {
      headers: { 'retry-after': '1' },
      cause: error,
    });
  }
  const pace = new ReaderPace(exchange);
  const { stalled_reader_timeout_ms } = settings.server;
  const watched = {
    onTick() {
      if (pace.stalledMs(performance.now()) >= stalled_reader_timeout_ms) attempt.abort();
    },
  };
  gateway.watchdog.add(watched);
  await relay(attempt, exchange, clientHeaders(attempt.headers, record.requestId), record);
  gateway.watchdog.delete(watched);
}

/** Only for who holds an admin key: without one, the head is enough to be refused. */
function readBody(
  { adminKey, settings, watchdog }: Gateway,
  exchange: Exchange,
  endpoint: string,
): Promise<Buffer> | Buffer {
  if (endpoint !== '/admin' || !adminKey.holds(exchange.header('authorization'))) return noBytes;
  const reading = exchange.readBody(maxBodyBytes(exchange));
  return bodyInTime(reading, settings.server.body_timeout_ms, watchdog);
}

const noBytes = Buffer.alloc(0);
