import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { modelEndpoints, resourceEndpoints, socketEndpoints } from '../../dialects/endpoints.js';
import type { TokenUsage } from '../../dialects/usage.js';
import { attemptSpanId } from '../attempt-span-id.js';
import type { AttemptLog, Charge, RequestFinished, RequestTrace } from '../event.js';
import type { createTraceState, ProtobufTraceSerializer } from './official.js';

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
type SpanContext = ReturnType<ReadableSpan['spanContext']>;
type Attributes = Record<string, string | number | boolean | string[]>;

/** A finished request, with everything known after its tokens were counted. */
export interface TracedRequest {
  event: RequestFinished & { trace: RequestTrace };
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

export interface SpanOptions {
  resource: ReadableSpan['resource'];
  scope: ReadableSpan['instrumentationScope'];
  /** Scheme of the gateway's own URLs. */
  scheme: 'http' | 'https';
  stateOf: typeof createTraceState;
  providerOf(key: string): TracedProvider | null;
}

/** OpenTelemetry's numbers. */
const kinds = { internal: 0, server: 1, client: 2 } as const;
const statusUnset = { code: 0 } as const;
const statusError = 2;
const none: never[] = [];
/**
 * Spans of waits and guardrails are not announced elsewhere: their ids only have to differ from
 * those of attempts.
 */
const lastId = 255;

/** The spans of a request: its own, then one for each wait, guardrail and attempt. */
export function spansOf(request: TracedRequest, options: SpanOptions): ReadableSpan[] {
  const { event } = request;
  const { trace } = event;
  const common = {
    traceId: trace.traceId,
    traceFlags: Number(trace.isSampled),
    ...(trace.state !== null && { traceState: options.stateOf(trace.state) }),
  };
  const own = { ...common, spanId: trace.spanId };
  const span = (parts: SpanParts) => new FinishedSpan(parts, event.startedAt, options);
  const attempts = attemptsOf(event, trace);
  const spans = [
    span({
      context: own,
      parent:
        trace.parentSpanId === null
          ? undefined
          : { ...common, spanId: trace.parentSpanId, isRemote: true },
      name: `${event.method} ${event.endpoint}`,
      kind: kinds.server,
      atMs: 0,
      tookMs: event.totalMs,
      attributes: requestAttributes(request, options.scheme),
      error: failureOf(event),
    }),
  ];
  for (const [index, inner] of innerParts(event).entries()) {
    const context = { ...common, spanId: attemptSpanId(trace.spanId, lastId - index) };
    spans.push(span({ context, parent: own, kind: kinds.internal, ...inner }));
  }
  let previous: SpanContext | null = null;
  for (const [index, attempt] of attempts.entries()) {
    const { number, atMs, tookMs, model } = attempt;
    const context = { ...common, spanId: attemptSpanId(trace.spanId, number) };
    const isLast = index === attempts.length - 1;
    const operation = operationAt(event.endpoint);
    spans.push(
      span({
        context,
        parent: own,
        name: model === '' ? operation : `${operation} ${model}`,
        kind: kinds.client,
        ...{ atMs, tookMs },
        attributes: attemptAttributes(attempt, operation, isLast, request, options),
        error: errorOf(attempt, isLast, event),
        // Its link to the replaced attempt distinguishes a retry from fan-out.
        ...(previous && { links: [{ context: previous }] }),
      }),
    );
    previous = context;
  }
  return spans;
}

interface SpanParts {
  context: SpanContext;
  parent: SpanContext | undefined;
  name: string;
  kind: ReadableSpan['kind'];
  /** Since the start of the request. */
  atMs: number;
  tookMs: number;
  attributes: Attributes;
  /** Description of the failure; null: none. */
  error: string | null;
  links?: ReadableSpan['links'];
}

class FinishedSpan implements ReadableSpan {
  readonly #context: SpanContext;
  readonly parentSpanContext?: SpanContext;
  readonly name: string;
  readonly kind: ReadableSpan['kind'];
  readonly startTime: ReadableSpan['startTime'];
  readonly endTime: ReadableSpan['endTime'];
  readonly duration: ReadableSpan['duration'];
  readonly attributes: ReadableSpan['attributes'];
  readonly links: ReadableSpan['links'];
  readonly status: ReadableSpan['status'];
  readonly resource: ReadableSpan['resource'];
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  readonly events = none;
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;

  constructor(parts: SpanParts, startedAt: number, { resource, scope }: SpanOptions) {
    const { context, parent, name, kind, atMs, tookMs, attributes, error, links = none } = parts;
    this.#context = context;
    if (parent) this.parentSpanContext = parent;
    this.name = name;
    this.kind = kind;
    this.startTime = hrTime(startedAt + atMs);
    this.endTime = hrTime(startedAt + atMs + tookMs);
    this.duration = hrTime(tookMs);
    this.attributes = attributes;
    this.links = links;
    this.status = error === null ? statusUnset : { code: statusError, message: error };
    this.resource = resource;
    this.instrumentationScope = scope;
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}

/** Seconds and nanoseconds. */
export function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}

type InnerParts = Pick<SpanParts, 'name' | 'atMs' | 'tookMs' | 'attributes' | 'error'>;

/**
 * Waits and guardrails; only the duration of guardrails is known, so they end where the next part
 * begins.
 */
function innerParts(event: TracedRequest['event']): InnerParts[] {
  const { trace, guardrails, attemptsLog, totalMs } = event;
  const waits = (trace.waits ?? none).map(({ provider, atMs, tookMs }) => ({
    ...{ name: 'queue', atMs, tookMs, error: null },
    attributes: { 'llmproxy.queue': provider ?? 'gateway' },
  }));
  const sentMs = attemptsLog?.[0]?.atMs ?? trace.sentMs ?? totalMs;
  const checks = (guardrails ?? none).map(
    ({ guardrail, kind, phase, verdict, found, took_ms: tookMs }) => ({
      name: `guardrail ${guardrail}`,
      atMs: Math.max(0, (phase === 'request' ? sentMs : totalMs) - tookMs),
      tookMs,
      error: verdict === 'error' ? (found[0] ?? verdict) : null,
      attributes: {
        'llmproxy.guardrail': guardrail,
        'llmproxy.guardrail.kind': kind,
        'llmproxy.guardrail.phase': phase,
        'llmproxy.guardrail.verdict': verdict,
        'llmproxy.guardrail.found': [...found],
      },
    }),
  );
  return [...waits, ...checks];
}

interface TracedAttempt extends AttemptLog {
  /** From 1. */
  number: number;
}

/** Its attempts; the answered one lasts until the end of the answer. */
function attemptsOf(event: RequestFinished, { sentMs }: RequestTrace): TracedAttempt[] {
  const { attempts, attemptsLog, provider, modelSent, status, error, upstreamMs } = event;
  if (!attemptsLog) {
    if (attempts === 0 || provider === null) return none;
    const answer = { outcome: 'answered', status: error === null ? status : null } as const;
    const times = { atMs: sentMs ?? 0, tookMs: upstreamMs };
    return [
      { number: attempts, provider, model: modelSent ?? '', ...answer, reason: null, ...times },
    ];
  }
  const restMs = attemptsLog.reduce((left, { tookMs }) => left - tookMs, upstreamMs);
  // One that could not even be sent is in no log.
  const before = attempts - attemptsLog.length;
  return attemptsLog.map((attempt, index) => ({
    ...attempt,
    number: before + index + 1,
    tookMs: attempt.tookMs + (index === attemptsLog.length - 1 ? Math.max(0, restMs) : 0),
  }));
}

function requestAttributes(
  { event, charge, text }: TracedRequest,
  scheme: SpanOptions['scheme'],
): Attributes {
  const { endpoint, model, credential, team, user, tags, error } = event;
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
  if (charge) attributes['llmproxy.cost_usd'] = charge.cost / 1e9;
  if (text) {
    attributes['llmproxy.request.body'] = text.request;
    attributes['llmproxy.response.body'] = text.response;
  }
  return attributes;
}

function attemptAttributes(
  { provider, model, outcome, status, number, atMs }: TracedAttempt,
  operation: string,
  isLast: boolean,
  { event, usage }: TracedRequest,
  options: SpanOptions,
): Attributes {
  const known = options.providerOf(provider);
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

/** For a server, client errors are not failures. */
function failureOf(event: RequestFinished): string | null {
  const { status, error } = event;
  if (isCut(event)) return error ?? 'cut';
  return status >= 500 ? (error ?? String(status)) : null;
}

/** Its answer was cut off after a good beginning. */
function isCut({ status, error, complete }: RequestFinished): boolean {
  return status < 400 && !complete && error !== null;
}

function errorOf(attempt: TracedAttempt, isLast: boolean, event: RequestFinished): string | null {
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

function operationAt(endpoint: string): string {
  return operations.get(endpoint) ?? 'request';
}

function operationOf({ pattern, dialect }: Pick<ModelEndpoint, 'pattern' | 'dialect'>): string {
  if (/enerateContent$/.test(pattern)) return 'generate_content';
  if (dialect.operation === 'completion') return 'text_completion';
  return dialect.operation === 'embedding' ? 'embeddings' : dialect.operation;
}
