import type { RequestTrace } from '../../observe/request-event.js';
import { attemptSpanId, sharedDigits, traceIdOf } from '../../observe/span-ids.js';
import type { Exchange } from '../../server/exchange.js';
import { randomDigits } from '../../server/random-digits.js';
import { traceState } from './trace-state.js';

/** Gives requests their places in traces: W3C Trace Context, level 1. */
export class TraceContexts {
  readonly #ratio: number;

  /** @param ratio the share of traces that are sampled where no client has decided. */
  constructor(ratio: number) {
    this.#ratio = ratio;
  }

  /**
   * In the client's trace, or in a new one where its `traceparent` is absent or invalid. The ids are
   * made of the request's, unless that is the client's, which may use it again.
   */
  begin(exchange: Exchange, requestId: string): RequestTrace {
    const parent = parentOf(exchange);
    const isOwn = exchange.header('x-request-id') !== requestId;
    const trace: RequestTrace = {
      traceId: parent?.traceId ?? (isOwn ? null : randomDigits(32)),
      spanId: isOwn ? null : `${randomDigits(sharedDigits)}00`,
      parentSpanId: parent?.spanId ?? null,
      state: parent && traceState(valuesOf(exchange, 'tracestate')),
      isSampled: parent?.isSampled ?? this.#ratio >= 1,
      sentMs: null,
      waits: null,
    };
    if (!parent && this.#ratio > 0 && this.#ratio < 1) {
      trace.isSampled = isWithin(traceIdOf({ requestId, trace }), this.#ratio);
    }
    return trace;
  }
}

/** Headers of an attempt, flat: its span is the parent of the provider's. */
export function traceHeaders(requestId: string, trace: RequestTrace, attempt: number): string[] {
  const placed = { requestId, trace };
  const flags = trace.isSampled ? '01' : '00';
  const parent = `00-${traceIdOf(placed)}-${attemptSpanId(placed, attempt)}-${flags}`;
  const headers = ['traceparent', parent];
  if (trace.state !== null) headers.push('tracestate', trace.state);
  return headers;
}

/** True for the headers that `traceHeaders` replaces. */
export function isTraceHeader(name: string): boolean {
  return name === 'traceparent' || name === 'tracestate';
}

/** A later version may append fields, which are not understood. */
const parentPattern = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const allZero = /^0+$/;

interface Parent {
  traceId: string;
  spanId: string;
  isSampled: boolean;
}

/** Several headers contradict one another: then there is none. */
function parentOf(exchange: Exchange): Parent | null {
  if (exchange.header('traceparent') === '') return null;
  const [header = '', ...others] = valuesOf(exchange, 'traceparent');
  return others.length === 0 ? parseParent(header) : null;
}

function parseParent(header: string): Parent | null {
  const [all, version, traceId = '', spanId = '', flags = ''] = parentPattern.exec(header) ?? [];
  if (all === undefined || (version === '00' && all !== header)) return null;
  if (allZero.test(traceId) || allZero.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

function valuesOf({ headers }: Exchange, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) values.push(headers[i + 1] as string);
  }
  return values;
}

/** The random digits of a trace that a double holds exactly: 52 bits. */
const ratioDigits = 13;

/** Every gateway that sees this trace decides the same for this ratio. */
function isWithin(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-ratioDigits), 16) < ratio * 16 ** ratioDigits;
}
