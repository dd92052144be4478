import type { IncomingHttpHeaders } from 'node:http';
import type { Wire } from '../routing/wire.js';

/** RFC 9110 section 7.6.1: meant for one connection, never passed on. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * Never sent to a provider: the client's credential and cookies, what names the client or the way
 * it came, and what the connection to the provider decides itself. Without `accept-encoding`
 * answers come as they are, so that they can be read as they pass.
 */
const notSent = new Set([
  ...hopByHop,
  'accept-encoding',
  'api-key',
  'authorization',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'via',
  'x-api-key',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-goog-api-key',
  'x-real-ip',
  'x-request-id',
]);

/** Never passed to a client: each engine frames the body itself; cookies are between us and it. */
const notReturned = new Set([...hopByHop, 'content-length', 'date', 'set-cookie']);

/**
 * The headers of an upstream request, as a flat list.
 * @param received the client's, flat, lower-case names.
 */
export function upstreamHeaders(
  received: readonly string[],
  wire: Pick<Wire, 'headers' | 'headerNames' | 'defaults'>,
  requestId: string,
): string[] {
  const { headerNames, defaults } = wire;
  const headers = [...wire.headers, 'x-request-id', requestId];
  const named = connectionNames(received);
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i] as string;
    if (notSent.has(name) || headerNames.has(name) || named?.has(name)) continue;
    headers.push(name, received[i + 1] as string);
  }
  for (let i = 0; i < defaults.length; i += 2) {
    const name = defaults[i] as string;
    if (!hasName(headers, name)) headers.push(name, defaults[i + 1] as string);
  }
  return headers;
}

function hasName(headers: readonly string[], name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true;
  return false;
}

/** The headers of an answer to the client, as a flat list. */
export function clientHeaders(received: IncomingHttpHeaders, requestId: string): string[] {
  const headers = ['x-request-id', requestId];
  const named = namesIn(received.connection);
  for (const name in received) {
    if (notReturned.has(name) || named?.has(name)) continue;
    const value = received[name];
    const returned = name === 'x-request-id' ? 'x-upstream-request-id' : name;
    if (typeof value === 'string') headers.push(returned, value);
    else for (const one of value ?? []) headers.push(returned, one);
  }
  return headers;
}

/** The request's id: the client's where it can be passed on safely, else a new one. */
export function requestIdOf(sent: string): string {
  return /^[\x21-\x7e]{1,128}$/.test(sent) ? sent : crypto.randomUUID();
}

function connectionNames(headers: readonly string[]): Set<string> | null {
  let named: Set<string> | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'connection') continue;
    const names = namesIn(headers[i + 1]);
    if (names) named = named ? new Set([...named, ...names]) : names;
  }
  return named;
}

/** The headers that a `Connection` header names as its own. */
function namesIn(received: string | string[] | undefined): Set<string> | null {
  const connection = Array.isArray(received) ? received.join(',') : received;
  if (!connection || /^(?:keep-alive|close)$/i.test(connection)) return null;
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}
