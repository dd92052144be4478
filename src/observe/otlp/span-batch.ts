import type { Batch } from './batch.js';
import { varintLength, writeVarint } from './message-fields.js';
import type { TracedRequest } from './span-attributes.js';
import type { SpanEncoder } from './span-encoder.js';

/** Sending costs as much as encoding hundreds of requests: few large exports are cheaper. */
const maxRequests = 1_000;
/**
 * Beyond this no request is added. One has up to 100 KB of text, and the strictest receivers accept
 * 1 MB.
 */
const fullBytes = 850_000;
const firstCapacity = 65_536;
/** Tags of `ResourceSpans`, and of `ScopeSpans` in it. */
const resourceSpansTag = 0x0a;
const scopeSpansTag = 0x12;
/** Both tags and lengths that stand before the spans. */
const maxPrefixBytes = 2 * (1 + 5);

/**
 * An export of spans, encoded request by request: events that waited for it would survive several
 * garbage collections, each of which costs more than their encoding.
 */
export class SpanBatch implements Batch<TracedRequest> {
  readonly #encoder: SpanEncoder;
  #bytes = new Uint8Array(firstCapacity);
  /** Room for what stands before the spans. */
  #from = 0;
  #end = 0;
  size = 0;

  constructor(encoder: SpanEncoder) {
    this.#encoder = encoder;
  }

  get isFull(): boolean {
    return this.size >= maxRequests || this.#end - this.#from >= fullBytes;
  }

  add(request: TracedRequest): void {
    const spans = this.#encoder.encode(request);
    if (this.size === 0) {
      const { resource, scope } = this.#encoder.envelope;
      this.#from = maxPrefixBytes + resource.length + scope.length;
      this.#end = this.#from;
    }
    this.#makeRoom(spans.length);
    this.#bytes.set(spans, this.#end);
    this.#end += spans.length;
    this.size++;
  }

  encode(): Uint8Array {
    const { resource, scope, schemaUrl } = this.#encoder.envelope;
    const inner = scope.length + this.#end - this.#from + schemaUrl.length;
    const outer = resource.length + 1 + varintLength(inner) + inner;
    this.#makeRoom(schemaUrl.length);
    const bytes = this.#bytes;
    bytes.set(schemaUrl, this.#end);
    const start = this.#end + schemaUrl.length - outer - varintLength(outer) - 1;
    bytes[start] = resourceSpansTag;
    let at = writeVarint(bytes, start + 1, outer);
    bytes.set(resource, at);
    at += resource.length;
    bytes[at] = scopeSpansTag;
    at = writeVarint(bytes, at + 1, inner);
    bytes.set(scope, at);
    return bytes.subarray(start, this.#end + schemaUrl.length);
  }

  clear(): void {
    this.#end = this.#from;
    this.size = 0;
  }

  #makeRoom(length: number): void {
    const needed = this.#end + length;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
