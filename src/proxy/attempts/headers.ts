import type { IncomingHttpHeaders } from 'node:http';
import type { Wire } from '../../routing/wire.js';
import { isTraceHeader } from '../request/trace-context.js';

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
 * Never returned to clients: each engine frames the body itself, and cookies belong to the
 * gateway's connection.
 */
const notReturned = new Set([...hopByHop, 'content-length', 'date', 'set-cookie']);

/**
 * Providers' headers that govern a browser, an origin, or a proxy in front of it: they would apply
 * to the gateway, and to its proxy.
 */
const governs = new Set([
  'accept-ch',
  'accept-ch-lifetime',
  'activate-storage-access',
  'alt-svc',
  'clear-site-data',
  'content-location',
  'content-security-policy',
  'critical-ch',
  'cross-origin-embedder-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'document-isolation-policy',
  'document-policy',
  'expect-ct',
  'feature-policy',
  'integrity-policy',
  'link',
  'location',
  'nel',
  'no-vary-search',
  'observe-browsing-topics',
  'origin-agent-cluster',
  'origin-trial',
  'permissions-policy',
  'public-key-pins',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'require-document-policy',
  'service-worker-allowed',
  'set-cookie2',
  'set-login',
  'sourcemap',
  'speculation-rules',
  'strict-transport-security',
  'supports-loading-mode',
  'surrogate-control',
  'timing-allow-origin',
  'use-as-dictionary',
  'www-authenticate',
  'x-content-security-policy',
  'x-dns-prefetch-control',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-reproxy-url',
  'x-sendfile',
  'x-sourcemap',
  'x-webkit-csp',
]);
/**
 * `x-llmproxy-…` headers of an upstream gateway describe its own handling. `x-accel-redirect` would
 * have nginx answer with what it serves to nobody; `x-accel-buffering` only helps streams.
 */
const governing =
  /^(?:access-control-|attribution-reporting-|sec(?:ure)?-session-|x-accel-(?!buffering$)|x-lighttpd-send-|x-llmproxy-)|-report-only$|cdn-cache-control$/;

function isWithheld(name: string): boolean {
  return governs.has(name) || governing.test(name);
}

/** JSON in UTF-8, the only encoding in which bodies are read here. */
const jsonInUtf8 = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The headers of an upstream request, as a flat list.
 * @param received the client's, flat, lower-case names.
 * @param isJson true for a body that was read as JSON: under another type, a provider could parse
 *   it differently and find another model in it.
 * @param trace replaces the client's `traceparent` and `tracestate`; null: those are passed on.
 */
export function upstreamHeaders(
  received: readonly string[],
  wire: Pick<Wire, 'headers' | 'headerNames' | 'defaults' | 'forwards'>,
  requestId: string,
  isJson = false,
  trace: readonly string[] | null = null,
): string[] {
  const { headerNames, defaults, forwards } = wire;
  const headers = [...wire.headers, 'x-request-id', requestId];
  const named = connectionNames(received);
  let hasType = false;
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i] as string;
    if (!forwards(name) || headerNames.has(name) || named?.has(name)) continue;
    if (trace !== null && isTraceHeader(name)) continue;
    let value = received[i + 1] as string;
    if (isJson && name === 'content-type') {
      if (hasType) continue;
      hasType = true;
      if (!jsonInUtf8.test(value)) value = 'application/json';
    }
    headers.push(name, value);
  }
  for (let i = 0; trace !== null && i < trace.length; i += 2) {
    const name = trace[i] as string;
    if (!headerNames.has(name)) headers.push(name, trace[i + 1] as string);
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

/**
 * The headers of a provider's answer for the client, as a flat list.
 * @param hasOwnLimits leaves out the provider's limits.
 */
export function answerHeaders(
  received: IncomingHttpHeaders,
  requestId: string,
  hasOwnLimits = false,
): string[] {
  return clientHeaders(received, requestId, hasOwnLimits ? isWithheldOrLimit : isWithheld);
}

/** The provider's limits are withheld where the client has limits of its own here. */
function isWithheldOrLimit(name: string): boolean {
  return isWithheld(name) || /^(?:x|anthropic)-ratelimit-/.test(name);
}

/**
 * The headers of an answer of the control process for the client, as a flat list.
 * @param isLeftOut true for further names to leave out.
 */
export function clientHeaders(
  received: IncomingHttpHeaders,
  requestId: string,
  isLeftOut: ((name: string) => boolean) | null = null,
): string[] {
  const headers = ['x-request-id', requestId];
  const named = namesIn(received.connection);
  for (const name in received) {
    if (notReturned.has(name) || named?.has(name) || isLeftOut?.(name)) continue;
    const value = received[name];
    const returned = name === 'x-request-id' ? 'x-upstream-request-id' : name;
    if (typeof value === 'string') headers.push(returned, value);
    else for (const one of value ?? []) headers.push(returned, one);
  }
  return headers;
}

/** Headers of an answer that mean the same in every dialect. */
const returnedOfOthers = new Set([
  'retry-after',
  'retry-after-ms',
  'x-request-id',
  'x-should-retry',
]);

/**
 * The headers of a translated answer.
 * @param idHeader its id header, in its own dialect.
 */
export function translatedHeaders(
  received: IncomingHttpHeaders,
  idHeader: string | null,
  requestId: string,
): string[] {
  const kept: IncomingHttpHeaders = {};
  for (const name in received) if (returnedOfOthers.has(name)) kept[name] = received[name];
  const id = idHeader === null ? undefined : received[idHeader];
  if (id !== undefined) kept['x-request-id'] = id;
  return clientHeaders(kept, requestId);
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
