import { GatewayError } from '../errors.js';
import { AbortedError, type Exchange } from '../server/exchange.js';
import { Attempt } from '../upstream/attempt.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { Gateway } from './gateway.js';
import { clientHeaders } from './headers.js';
import { ReaderPace } from './reader-pace.js';
import type { RequestRecord } from './record.js';
import { relay } from './relay.js';

/** Bodies of the admin API are small. */
const maxBodyBytes = 1_048_576;

const passedOn = new Set([
  'accept',
  'authorization',
  'content-encoding',
  'content-type',
  'forwarded',
  'if-none-match',
  'user-agent',
  'x-real-ip',
]);

/**
 * Passes a request to the control process, which answers admin, metrics and documentation.
 * @throws GatewayError `unavailable` when it does not answer, `unknown_url` where the admin API has
 *   a listener of its own; AbortedError.
 */
export async function relayControl(
  gateway: Gateway,
  exchange: Exchange,
  record: RequestRecord,
): Promise<void> {
  const { method, path } = exchange;
  if (record.endpoint === '/admin' && gateway.settings.admin.listen !== null) {
    throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
  }
  const body = await exchange.readBody(maxBodyBytes);
  const forwardedFor = exchange.header('x-forwarded-for');
  const from = forwardedFor ? `${forwardedFor}, ${exchange.remoteAddress}` : exchange.remoteAddress;
  const headers = ['x-request-id', record.requestId, 'x-forwarded-for', from];
  for (let i = 0; i < exchange.headers.length; i += 2) {
    const name = exchange.headers[i] as string;
    if (passedOn.has(name)) headers.push(name, exchange.headers[i + 1] as string);
  }
  const attempt = new Attempt();
  gateway.control.dispatch(
    {
      method: exchange.method as 'GET',
      path: exchange.query ? `${exchange.path}?${exchange.query}` : exchange.path,
      headers,
      body: body.length > 0 ? body : null,
    },
    attempt,
  );
  exchange.onAbort(() => attempt.abort());
  try {
    await attempt.ready;
  } catch (error) {
    if (error instanceof UpstreamError && error.failure === 'aborted') throw new AbortedError();
    throw new GatewayError('unavailable', 'The control process does not answer.', { cause: error });
  }
  const pace = new ReaderPace(exchange);
  const { stalled_reader_timeout_ms } = gateway.settings.server;
  const watched = {
    onTick() {
      if (pace.stalledMs(performance.now()) >= stalled_reader_timeout_ms) attempt.abort();
    },
  };
  gateway.watchdog.add(watched);
  await relay(attempt, exchange, clientHeaders(attempt.headers, record.requestId), record);
  gateway.watchdog.delete(watched);
}
