import type { RequestFinished, RequestTrace } from '../request-event.js';
import { attemptSpanId, spanIdOf, traceIdOf } from '../span-ids.js';
import type { createTraceState, ProtobufTraceSerializer } from './official.js';
import {
  type Attributes,
  attemptAttributes,
  errorOf,
  failureOf,
  operationAt,
  requestAttributes,
  type TracedAttempt,
  type TracedProvider,
  type TracedRequest,
} from './span-attributes.js';

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
type SpanContext = ReturnType<ReadableSpan['spanContext']>;

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
    traceId: traceIdOf(event),
    traceFlags: Number(trace.isSampled),
    ...(trace.state !== null && { traceState: options.stateOf(trace.state) }),
  };
  const own = { ...common, spanId: spanIdOf(event) };
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
    const context = { ...common, spanId: attemptSpanId(event, lastId - index) };
    spans.push(span({ context, parent: own, kind: kinds.internal, ...inner }));
  }
  let previous: SpanContext | null = null;
  for (const [index, attempt] of attempts.entries()) {
    const { number, atMs, tookMs, model } = attempt;
    const context = { ...common, spanId: attemptSpanId(event, number) };
    const isLast = index === attempts.length - 1;
    const operation = operationAt(event.endpoint);
    spans.push(
      span({
        context,
        parent: own,
        name: model === '' ? operation : `${operation} ${model}`,
        kind: kinds.client,
        ...{ atMs, tookMs },
        attributes: attemptAttributes(attempt, operation, isLast, request, options.providerOf),
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

/** The attempts of a request; the answered one lasts until the end of the answer. */
function attemptsOf(event: RequestFinished, { sentMs }: RequestTrace): TracedAttempt[] {
  const { attempts, attemptsLog, provider, modelSent, status, error, upstreamMs } = event;
  if (!attemptsLog) {
    if (attempts === 0 || provider === null) return none;
    const answer = {
      outcome: 'answered',
      status: error === null || status < 400 ? status : null,
    } as const;
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
