import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { modelEndpoints, resourceEndpoints, socketEndpoints } from '../../dialects/endpoints.js';
import type { TokenUsage } from '../../dialects/usage.js';
import type { AttemptLog, Charge, RequestFinished, RequestTrace } from '../request-event.js';

export type Attributes = Record<string, string | number | boolean | string[]>;

export type TracedEvent = RequestFinished & { trace: RequestTrace };

/** A finished request, with everything known after its tokens were counted. */
export interface TracedRequest {
  event: TracedEvent;
  usage: TokenUsage | null;
  charge: Charge | null;
  /** The beginnings of its bodies; null: they are not exported. */
  text: { request: string; response: string } | null;
}

/** A provider as spans name it. */
export interface TracedProvider {
  /** `gen_ai.provider.name`. */
  system: string;
  host: string;
  port: number;
}

/** An attempt, with its number among those of the request. */
export interface TracedAttempt extends AttemptLog {
  /** From 1. */
  number: number;
}

/** The attributes of a request's own span. */
export function requestAttributes(
  { event, charge, text }: TracedRequest,
  scheme: 'http' | 'https',
): Attributes {
  const { endpoint, model, credential, team, user, tags, error, cache } = event;
  const attributes: Attributes = {
    'http.request.method': event.method,
    'http.route': endpoint,
    'http.response.status_code': event.status,
    'url.scheme': scheme,
    'llmproxy.request_id': event.requestId,
    'llmproxy.attempts': event.attempts,
  };
  if (!endpoint.includes('{')) attributes['url.path'] = endpoint;
  const failure = failureOf(event);
  if (failure !== null) attributes['error.type'] = failure;
  if (error !== null) attributes['llmproxy.error'] = error;
  if (model !== null) {
    attributes['gen_ai.operation.name'] = operationAt(endpoint);
    attributes['gen_ai.request.model'] = model;
  }
  if (credential) attributes['llmproxy.key'] = credential.name;
  if (team !== null) attributes['llmproxy.team'] = team;
  if (user !== null) attributes['llmproxy.user'] = user;
  if (tags.length > 0) attributes['llmproxy.tags'] = [...tags];
  if (cache) attributes['llmproxy.cache'] = cache.result;
  if (charge) attributes['llmproxy.cost_usd'] = charge.cost / 1e9;
  if (text) {
    attributes['llmproxy.request.body'] = text.request;
    attributes['llmproxy.response.body'] = text.response;
  }
  return attributes;
}

/**
 * The attributes of an attempt's span.
 * @param isLast the usage and a cut answer belong to the last attempt.
 */
export function attemptAttributes(
  { provider, model, outcome, status, number, atMs }: TracedAttempt,
  operation: string,
  isLast: boolean,
  { event, usage }: TracedRequest,
  providerOf: (key: string) => TracedProvider | null,
): Attributes {
  const known = providerOf(provider);
  const attributes: Attributes = {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': known?.system ?? provider,
    'llmproxy.provider': provider,
  };
  if (model !== '') attributes['gen_ai.request.model'] = model;
  if (known) {
    attributes['server.address'] = known.host;
    attributes['server.port'] = known.port;
  }
  if (status !== null) attributes['http.response.status_code'] = status;
  if (number > 1) attributes['http.request.resend_count'] = number - 1;
  if (outcome !== 'answered') {
    attributes['error.type'] = outcome === 'refused' ? String(status) : outcome;
  }
  if (!isLast || outcome !== 'answered') return attributes;
  if (isCut(event)) attributes['error.type'] = event.error ?? 'cut';
  if (event.stream) {
    attributes['gen_ai.request.stream'] = true;
    const seconds = firstChunkSeconds(event, atMs);
    if (seconds !== null) attributes['gen_ai.response.time_to_first_chunk'] = seconds;
  }
  if (event.translation) attributes['llmproxy.translated_to'] = event.translation.to;
  if (usage) addUsage(attributes, usage);
  return attributes;
}

/** @param sentMs of the attempt that was answered. */
export function firstChunkSeconds(
  { firstTokenMs }: RequestFinished,
  sentMs: number,
): number | null {
  return firstTokenMs === null ? null : (firstTokenMs - sentMs) / 1000;
}

/** Adds the usage counts that the conventions name. */
function addUsage(attributes: Attributes, usage: TokenUsage): void {
  const { promptTokens, completionTokens, classes } = usage;
  attributes['gen_ai.usage.input_tokens'] = promptTokens;
  attributes['gen_ai.usage.output_tokens'] = completionTokens;
  if (!classes) return;
  const { cacheRead, cacheWrite5m, cacheWrite1h, reasoning } = classes;
  const written = cacheWrite5m + cacheWrite1h;
  if (cacheRead > 0) attributes['gen_ai.usage.cache_read.input_tokens'] = cacheRead;
  if (written > 0) attributes['gen_ai.usage.cache_creation.input_tokens'] = written;
  if (reasoning > 0) attributes['gen_ai.usage.reasoning.output_tokens'] = reasoning;
}

/** A request's failure; null: none. For a server, client errors are not failures. */
export function failureOf(event: RequestFinished): string | null {
  const { status, error } = event;
  if (isCut(event)) return error ?? 'cut';
  return status >= 500 ? (error ?? String(status)) : null;
}

/** True if the answer was cut off after a good beginning. */
function isCut({ status, error, complete }: RequestFinished): boolean {
  return status < 400 && !complete && error !== null;
}

/** An attempt's failure; null: none. */
export function errorOf(
  attempt: TracedAttempt,
  isLast: boolean,
  event: RequestFinished,
): string | null {
  const { outcome, status, reason } = attempt;
  if (outcome === 'refused') return `it answered ${status}`;
  if (outcome !== 'answered') return reason ?? outcome;
  if (!isLast) return null;
  if (isCut(event)) return event.error;
  return status !== null && status >= 400 ? `it answered ${status}` : null;
}

/** `gen_ai.operation.name` by endpoint. */
const operations = new Map(
  [...modelEndpoints, ...socketEndpoints, ...resourceEndpoints].map((endpoint) => [
    endpoint.pattern,
    operationOf(endpoint),
  ]),
);

export function operationAt(endpoint: string): string {
  return operations.get(endpoint) ?? 'request';
}

function operationOf({ pattern, dialect }: Pick<ModelEndpoint, 'pattern' | 'dialect'>): string {
  if (/enerateContent$/.test(pattern)) return 'generate_content';
  if (dialect.operation === 'completion') return 'text_completion';
  return dialect.operation === 'embedding' ? 'embeddings' : dialect.operation;
}
