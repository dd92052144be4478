import { sharedDigits } from '../span-ids.js';
import { withoutText } from '../usage/usage-recorder.js';
import { fieldsOf, writeVarint } from './message-fields.js';
import { firstChunkSeconds, type TracedProvider, type TracedRequest } from './span-attributes.js';
import { areAlike, cacheWrites } from './span-kind.js';

/** Bytes of a span id that belong to the request; the others are equal in similar requests. */
const sharedBytes = sharedDigits / 2;
const traceIdBytes = 16;
const spanIdBytes = 8;

/** Attributes whose values differ. */
const attributes = {
  requestId: 'llmproxy.request_id',
  key: 'llmproxy.key',
  team: 'llmproxy.team',
  user: 'llmproxy.user',
  cost: 'llmproxy.cost_usd',
  firstChunk: 'gen_ai.response.time_to_first_chunk',
  input: 'gen_ai.usage.input_tokens',
  output: 'gen_ai.usage.output_tokens',
  cacheRead: 'gen_ai.usage.cache_read.input_tokens',
  cacheWritten: 'gen_ai.usage.cache_creation.input_tokens',
  reasoning: 'gen_ai.usage.reasoning.output_tokens',
} as const;
/** By name of the attribute. */
const attributeAt = new Map<string, keyof typeof attributes>(
  Object.entries(attributes).map(([place, name]) => [name, place as keyof typeof attributes]),
);
/** The numbers of fields of `Span` in OpenTelemetry's definitions. */
const fields = { traceId: 1, spanId: 2, parentSpanId: 4, start: 7, end: 8 } as const;
const fieldAt = new Map<number, keyof typeof fields>(
  Object.entries(fields).map(([place, number]) => [number, place as keyof typeof fields]),
);
const attributesField = 9;

/** Places in the bytes of a span; -1: there is none. */
type Places = Record<keyof typeof attributes | keyof typeof fields, number>;

/** Encoded spans of a request, into which those of others of its kind are written. */
export class SpanTemplate {
  readonly #example: TracedRequest;
  readonly #shape: number;
  readonly #provider: TracedProvider | null;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #own: Places;
  readonly #attempt: Places | null;

  /**
   * @param bytes a field for the span of the example, then one for that of its attempt.
   * @param provider named in it.
   */
  constructor(
    bytes: Uint8Array,
    example: TracedRequest,
    shape: number,
    provider: TracedProvider | null,
  ) {
    const [own, attempt] = [...fieldsOf(bytes, 0, bytes.length)].map(({ from, end }) =>
      placesIn(bytes, from, end),
    );
    this.#example = { ...example, event: withoutText(example.event) };
    this.#shape = shape;
    this.#provider = provider;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#own = own as Places;
    this.#attempt = attempt ?? null;
  }

  /** @param provider its provider, as it is now. */
  fits(request: TracedRequest, shape: number, provider: TracedProvider | null): boolean {
    const isSame = this.#shape === shape && this.#provider === provider;
    return isSame && areAlike(this.#example, request);
  }

  /** The spans of a request that it fits, valid until the next call. */
  fill({ event, usage, charge }: TracedRequest): Uint8Array {
    const { trace, startedAt, totalMs, upstreamMs, requestId, credential, team, user } = event;
    const bytes = this.#bytes;
    const view = this.#view;
    const own = this.#own;
    writeAscii(bytes, own.requestId, requestId);
    if (credential) writeAscii(bytes, own.key, credential.name);
    if (team !== null) writeAscii(bytes, own.team, team);
    if (user !== null) writeAscii(bytes, own.user, user);
    if (trace.traceId !== null) writeHex(bytes, own.traceId, trace.traceId, 0, traceIdBytes);
    else writeUuid(bytes, own.traceId, requestId);
    if (trace.spanId !== null) writeHex(bytes, own.spanId, trace.spanId, 0, sharedBytes);
    else {
      // `attemptSpanId` derives the same.
      writeHex(bytes, own.spanId, requestId, 21, 1);
      writeHex(bytes, own.spanId + 1, requestId, 24, 6);
    }
    if (trace.parentSpanId !== null) {
      writeHex(bytes, own.parentSpanId, trace.parentSpanId, 0, spanIdBytes);
    }
    writeTime(view, own.start, startedAt);
    writeTime(view, own.end, startedAt + totalMs);
    // Zeros are no doubles, and the same in all of a shape.
    if (charge && charge.cost !== 0) view.setFloat64(own.cost, charge.cost / 1e9, true);
    const attempt = this.#attempt;
    if (!attempt) return bytes;
    const sentMs = trace.sentMs ?? 0;
    copy(bytes, attempt.traceId, own.traceId, traceIdBytes);
    copy(bytes, attempt.spanId, own.spanId, sharedBytes);
    copy(bytes, attempt.parentSpanId, own.spanId, sharedBytes);
    writeTime(view, attempt.start, startedAt + sentMs);
    writeTime(view, attempt.end, startedAt + sentMs + upstreamMs);
    const first = firstChunkSeconds(event, sentMs);
    if (event.stream && first) view.setFloat64(attempt.firstChunk, first, true);
    if (!usage) return bytes;
    writeVarint(bytes, attempt.input, usage.promptTokens);
    writeVarint(bytes, attempt.output, usage.completionTokens);
    const { classes } = usage;
    if (!classes) return bytes;
    if (attempt.cacheRead >= 0) writeVarint(bytes, attempt.cacheRead, classes.cacheRead);
    if (attempt.cacheWritten >= 0) writeVarint(bytes, attempt.cacheWritten, cacheWrites(usage));
    if (attempt.reasoning >= 0) writeVarint(bytes, attempt.reasoning, classes.reasoning);
    return bytes;
  }
}

function placesIn(bytes: Uint8Array, from: number, end: number): Places {
  const all = [...Object.keys(fields), ...Object.keys(attributes)];
  const places = Object.fromEntries(all.map((place) => [place, -1])) as Places;
  for (const field of fieldsOf(bytes, from, end)) {
    const place = fieldAt.get(field.number);
    if (place) places[place] = field.from;
    if (field.number !== attributesField) continue;
    const [key, value] = [...fieldsOf(bytes, field.from, field.end)];
    const [content] = value ? [...fieldsOf(bytes, value.from, value.end)] : [];
    if (!key || !content) continue;
    const name = Buffer.from(bytes.subarray(key.from, key.end)).toString();
    const attribute = attributeAt.get(name);
    if (attribute) places[attribute] = content.from;
  }
  return places;
}

function copy(bytes: Uint8Array, to: number, from: number, length: number): void {
  for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i] as number;
}

function writeAscii(target: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
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
