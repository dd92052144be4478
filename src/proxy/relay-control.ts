import { maxAdminBodyBytes, maxDocumentBytes } from '../config/body-limits.js';
import { type Client, foreignHost } from '../config/network/client.js';
import { type AdminRole, mayChange } from '../config/settings/settings-types.js';
import { GatewayError } from '../errors.js';
import { AbortedError, type Exchange } from '../server/exchange.js';
import { endpointHeader, isConsoleCookie, schemeHeader } from '../server/relayed.js';
import { Attempt } from '../upstream/attempt.js';
import { readAll } from '../upstream/fetch-bytes.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { clientOf } from './access/client-of.js';
import { ReaderPace } from './answer/reader-pace.js';
import { relay } from './answer/relay.js';
import { clientHeaders } from './attempts/headers.js';
import type { Gateway } from './gateway.js';
import type { RequestRecord } from './record.js';
import { bodyInTime } from './request/body-in-time.js';

/** Largest body on the control process's own listeners; a role may have less there. */
function maxBodyBytes({ path }: Exchange): number {
  return path.startsWith('/admin/v1/config/') ? maxDocumentBytes : maxAdminBodyBytes;
}

/**
 * Maximum concurrent requests per worker at an endpoint that may need no key: a slow reader holds a
 * connection to the control process, which admin keys need too.
 */
const maxWithoutKey = 32;

/** A report over many rows, or a change that waits until it is active, may take minutes. */
const controlTimeoutMs = 300_000;

/**
 * The only client headers passed to the control process, so that clients cannot set internal ones.
 */
const passedOn = new Set([
  'accept',
  'authorization',
  'content-encoding',
  'content-type',
  'if-none-match',
  'last-event-id',
  'sec-fetch-site',
  'user-agent',
  'x-csrf-token',
]);

/**
 * Passes a request to the control process, which answers admin, metrics and documentation.
 * @throws GatewayError `unavailable` when it does not answer, `overloaded`, `unknown_url` where the admin API has
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
  const { endpoint } = record;
  if ((endpoint === '/admin' || endpoint === '/console') && settings.admin.listen !== null) {
    throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
  }
  if (endpoint !== '/admin' && (gateway.active.get(endpoint) ?? 0) > maxWithoutKey) {
    throw new GatewayError('overloaded', `Too many clients read ${endpoint}.`, {
      headers: { 'retry-after': '1' },
    });
  }
  const client = clientOf(gateway, exchange);
  if (client.hasForeignHost) throw foreignHost();
  const headers = relayedHeaders(exchange, record, client, settings.server.tls.cert !== null);
  const hold = { release: () => {} };
  const attempt = new Attempt();
  try {
    const body = await readBody(gateway, exchange, endpoint, headers, hold);
    await ask(gateway, exchange, headers, body, attempt);
  } finally {
    hold.release();
  }
  const pace = new ReaderPace(exchange);
  const { stalled_reader_timeout_ms } = settings.server;
  const watched = {
    onTick() {
      if (pace.stalledMs(performance.now()) >= stalled_reader_timeout_ms) attempt.abort();
    },
  };
  gateway.watchdog.add(watched);
  const answered = clientHeaders(attempt.headers, record.requestId);
  // A single cookie is a string.
  const cookies = [attempt.headers['set-cookie'] ?? []].flat();
  for (const cookie of cookies) answered.push('set-cookie', cookie);
  await relay(attempt, exchange, answered, record);
  gateway.watchdog.delete(watched);
}

/**
 * Resolves with the head of the answer.
 * @throws GatewayError `unavailable`; AbortedError.
 */
async function ask(
  gateway: Gateway,
  exchange: Exchange,
  headers: string[],
  body: Buffer,
  attempt: Attempt,
): Promise<void> {
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
}

function relayedHeaders(
  exchange: Exchange,
  record: RequestRecord,
  { address, isLocal, isSecure }: Client,
  hasTls: boolean,
): string[] {
  // A second address tells the control process that a proxy may have been involved.
  const from = isLocal ? address : `${address}, ${exchange.remoteAddress}`;
  const headers = ['x-request-id', record.requestId, 'x-forwarded-for', from];
  headers.push(endpointHeader, record.endpoint);
  headers.push(schemeHeader, hasTls || isSecure ? 'https' : 'http');
  const cookies: string[] = [];
  for (let i = 0; i < exchange.headers.length; i += 2) {
    const name = exchange.headers[i] as string;
    const value = exchange.headers[i + 1] as string;
    if (passedOn.has(name)) headers.push(name, value);
    else if (name === 'cookie') cookies.push(...value.split(/;\s*/).filter(isConsoleCookie));
  }
  if (cookies.length > 0) headers.push('cookie', cookies.join('; '));
  return headers;
}

/**
 * Reads the body only for an admin key or a console session: anybody else is refused by the head
 * alone.
 * @param hold gets a function that releases the reserved memory.
 */
async function readBody(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: string,
  headers: readonly string[],
  hold: { release: () => void },
): Promise<Buffer> {
  if (endpoint !== '/admin' || exchange.method === 'GET') return noBytes;
  const authorization = exchange.header('authorization');
  const role =
    authorization === ''
      ? headers.includes('cookie') && (await roleOfSession(gateway, headers))
      : gateway.adminKey.roleOf(authorization);
  if (!role) return noBytes;
  const maxBytes = maxBodyBytes(exchange);
  const header = (name: string) => exchange.header(name);
  hold.release = gateway.adminBodies.hold(header, maxBytes, mayChange(role));
  const reading = exchange.readBody(maxBytes);
  return bodyInTime(reading, gateway.settings.server.body_timeout_ms, gateway.watchdog);
}

/** Asks the control process, which alone knows the sessions; null if there is none. */
async function roleOfSession(
  { control }: Gateway,
  headers: readonly string[],
): Promise<AdminRole | null> {
  const attempt = new Attempt();
  control.dispatch(
    {
      method: 'GET',
      path: '/admin/v1/session',
      headers: [...headers],
      body: null,
      headersTimeout: sessionTimeoutMs,
      bodyTimeout: sessionTimeoutMs,
    },
    attempt,
  );
  try {
    await attempt.ready;
    const answer = await readAll(attempt, maxSessionBytes);
    return attempt.status === 200 ? JSON.parse(answer.toString()).role : null;
  } catch {
    return null;
  }
}

/** Longer than the control process waits for its database. */
const sessionTimeoutMs = 10_000;
const maxSessionBytes = 65_536;

const noBytes = Buffer.alloc(0);
