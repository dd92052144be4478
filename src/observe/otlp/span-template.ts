import type { TokenUsage } from '../../dialects/usage.js';
import { sharedDigits } from '../span-ids.js';
import { fieldsOf, varintLength, writeVarint } from './message-fields.js';
import { firstChunkSeconds, type TracedProvider, type TracedRequest } from './span-attributes.js';

/** Bytes of a span id that belong to the request; the others are equal in similar requests. */
const sharedBytes = sharedDigits / 2;
const traceIdBytes = 16;
const spanIdBytes = 8;

/** Counts of tokens by attribute, as far as they have one. */
const counts = {
  'gen_ai.usage.input_tokens': ({ promptTokens }: TokenUsage) => promptTokens,
  'gen_ai.usage.output_tokens': ({ completionTokens }: TokenUsage) => completionTokens,
  'gen_ai.usage.cache_read.input_tokens': ({ classes }: TokenUsage) => classes?.cacheRead ?? 0,
  'gen_ai.usage.cache_creation.input_tokens': ({ classes }: TokenUsage) =>
    classes ? classes.cacheWrite5m + classes.cacheWrite1h : 0,
  'gen_ai.usage.reasoning.output_tokens': ({ classes }: TokenUsage) => classes?.reasoning ?? 0,
};
const countOf = Object.entries(counts);

/** Longer values would need a longer length prefix. */
const maxIdLength = 100;

/**
 * A key that is equal for requests whose spans differ only in ids, times and counts, all of the
 * same length; null for a request with more content, such as several attempts.
 */
export function likeness({ event, usage, charge, text }: TracedRequest): string | null {
  const { trace, requestId, guardrails, attemptsLog, tags, translation } = event;
  const isPlain =
    attemptsLog === null &&
    guardrails === null &&
    trace.waits === null &&
    trace.state === null &&
    text === null &&
    requestId.length <= maxIdLength;
  if (!isPlain) return null;
  let widths = '';
  if (usage) for (const [, count] of countOf) widths += widthOf(count(usage));
  const first = event.stream ? numberLikeness(firstChunkSeconds(event, trace.sentMs ?? 0)) : '';
  return [
    `${event.method} ${event.endpoint} ${event.status} ${event.attempts} ${requestId.length}`,
    `${event.stream}${event.complete}${trace.isSampled}${trace.parentSpanId === null}${widths}`,
    `${first} ${charge ? numberLikeness(charge.cost / 1e9) : ''}`,
    ...[event.error, event.model, event.modelSent, event.provider, event.credential?.name],
    ...[
      event.team,
      event.user,
      event.cache?.result,
      translation?.to,
      tags.length === 0 ? '' : tags.join('\0'),
    ],
  ].join('\n');
}

/** Zero counts have no attribute. */
function widthOf(count: number): number {
  return count === 0 ? 0 : varintLength(count);
}

/** The encoder writes whole numbers differently. */
function numberLikeness(value: number | null): string {
  return value === null || Number.isInteger(value) ? String(value) : 'double';
}

/** Places in the bytes of a span; -1: there is none. */
interface Places {
  traceId: number;
  spanId: number;
  parentSpanId: number;
  start: number;
  end: number;
  requestId: number;
  cost: number;
  firstChunk: number;
  /** In the order of `counts`. */
  counts: number[];
}

/** Encoded spans of one request, with the places that differ between similar requests. */
export class SpanTemplate {
  /** The provider named in it. */
  readonly provider: TracedProvider | null;
  readonly #bytes: Uint8Array;
  readonly #own: Places;
  readonly #attempt: Places | null;

  /** @param bytes a field for the span of the request, then one for that of its attempt. */
  constructor(bytes: Uint8Array, provider: TracedProvider | null) {
    const [own, attempt] = [...fieldsOf(bytes, 0, bytes.length)].map(({ from, end }) =>
      placesIn(bytes, from, end),
    );
    this.provider = provider;
    this.#bytes = bytes;
    this.#own = own as Places;
    this.#attempt = attempt ?? null;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Writes the spans of a request alike. @param view of the target. */
  write({ event, usage, charge }: TracedRequest, target: Uint8Array, view: DataView, at: number) {
    const { trace, startedAt, totalMs, upstreamMs, requestId } = event;
    target.set(this.#bytes, at);
    const own = this.#own;
    if (trace.traceId !== null) writeHex(target, at + own.traceId, trace.traceId, 0, traceIdBytes);
    else writeUuid(target, at + own.traceId, requestId);
    if (trace.spanId !== null) writeHex(target, at + own.spanId, trace.spanId, 0, sharedBytes);
    else {
      // `attemptSpanId` derives the same.
      writeHex(target, at + own.spanId, requestId, 21, 1);
      writeHex(target, at + own.spanId + 1, requestId, 24, 6);
    }
    if (trace.parentSpanId !== null) {
      writeHex(target, at + own.parentSpanId, trace.parentSpanId, 0, spanIdBytes);
    }
    writeTime(view, at + own.start, startedAt);
    writeTime(view, at + own.end, startedAt + totalMs);
    for (let i = 0; i < requestId.length; i++) {
      target[at + own.requestId + i] = requestId.charCodeAt(i);
    }
    if (own.cost >= 0 && charge) view.setFloat64(at + own.cost, charge.cost / 1e9, true);
    const attempt = this.#attempt;
    if (!attempt) return;
    const sentMs = trace.sentMs ?? 0;
    target.copyWithin(at + attempt.traceId, at + own.traceId, at + own.traceId + traceIdBytes);
    for (const id of [attempt.spanId, attempt.parentSpanId]) {
      target.copyWithin(at + id, at + own.spanId, at + own.spanId + sharedBytes);
    }
    writeTime(view, at + attempt.start, startedAt + sentMs);
    writeTime(view, at + attempt.end, startedAt + sentMs + upstreamMs);
    if (attempt.firstChunk >= 0) {
      view.setFloat64(at + attempt.firstChunk, firstChunkSeconds(event, sentMs) ?? 0, true);
    }
    if (!usage) return;
    for (let i = 0; i < countOf.length; i++) {
      const place = attempt.counts[i] as number;
      if (place >= 0) writeVarint(target, at + place, countOf[i]?.[1](usage) ?? 0);
    }
  }
}

/** The numbers of the fields of `Span`, `KeyValue` and `AnyValue` in OpenTelemetry's definitions. */
const spanFields = { traceId: 1, spanId: 2, parentSpanId: 4, start: 7, end: 8 } as const;
const attributesField = 9;
const doubleField = 4;
const names = Object.keys(counts);

function placesIn(bytes: Uint8Array, from: number, end: number): Places {
  const none = { requestId: -1, cost: -1, firstChunk: -1, counts: names.map(() => -1) };
  const places: Places = { traceId: -1, spanId: -1, parentSpanId: -1, start: -1, end: -1, ...none };
  for (const field of fieldsOf(bytes, from, end)) {
    for (const [name, number] of Object.entries(spanFields)) {
      if (field.number === number) places[name as keyof typeof spanFields] = field.from;
    }
    if (field.number !== attributesField) continue;
    const [key, value] = [...fieldsOf(bytes, field.from, field.end)];
    const [content] = value ? [...fieldsOf(bytes, value.from, value.end)] : [];
    if (!key || !content) continue;
    const name = Buffer.from(bytes.subarray(key.from, key.end)).toString();
    const isDouble = content.number === doubleField;
    if (name === 'llmproxy.request_id') places.requestId = content.from;
    else if (name === 'llmproxy.cost_usd' && isDouble) places.cost = content.from;
    else if (name === 'gen_ai.response.time_to_first_chunk' && isDouble) {
      places.firstChunk = content.from;
    } else if (names.includes(name)) places.counts[names.indexOf(name)] = content.from;
  }
  return places;
}

/** By character: its value. */
const digits = new Uint8Array(128);
for (const [value, digit] of [...'0123456789abcdef'].entries()) digits[digit.charCodeAt(0)] = value;

/** Writes bytes from the hexadecimal digits that begin at `from`. */
function writeHex(target: Uint8Array, at: number, hex: string, from: number, bytes: number): void {
  for (let i = 0; i < bytes; i++) {
    const high = digits[hex.charCodeAt(from + 2 * i)] as number;
    target[at + i] = (high << 4) | (digits[hex.charCodeAt(from + 2 * i + 1)] as number);
  }
}

function writeUuid(target: Uint8Array, at: number, uuid: string): void {
  writeHex(target, at, uuid, 0, 4);
  writeHex(target, at + 4, uuid, 9, 2);
  writeHex(target, at + 6, uuid, 14, 2);
  writeHex(target, at + 8, uuid, 19, 2);
  writeHex(target, at + 10, uuid, 24, 6);
}

/** Nanoseconds since the epoch, more than a double holds: written in halves. */
function writeTime(view: DataView, at: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = Math.floor((ms - seconds * 1000) * 1e6);
  const low = (seconds % 0x10000) * 1e9 + nanoseconds;
  const high = Math.floor(seconds / 0x10000) * 1e9;
  const sum = (high % 0x10000) * 0x10000 + low;
  view.setUint32(at, sum % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(high / 0x10000) + Math.floor(sum / 0x1_0000_0000), true);
}
