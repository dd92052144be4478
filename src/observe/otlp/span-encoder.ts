import { fieldsOf } from './message-fields.js';
import type { ProtobufTraceSerializer } from './official.js';
import type { TracedRequest } from './span-attributes.js';
import { kindHash, shapeOf } from './span-kind.js';
import { SpanTemplate } from './span-template.js';
import { type SpanOptions, spansOf } from './spans.js';

type Serialize = typeof ProtobufTraceSerializer.serializeRequest;

/** Maximum remembered kinds of requests; beyond that all are forgotten. */
const maxTemplates = 2_000;
/** Texts of clients may be long. */
const maxTemplateBytes = 4_096;
const spansNumber = 2;

/** The bytes around the spans of an export; the same in all of them. */
export interface Envelope {
  resource: Uint8Array;
  scope: Uint8Array;
  schemaUrl: Uint8Array;
}

const none = new Uint8Array();
const noEnvelope: Envelope = { resource: none, scope: none, schemaUrl: none };

/**
 * Encodes the spans of requests byte for byte as OpenTelemetry's encoder does. That encoder takes
 * 10 µs per request; its output is reused as a template for similar requests, at a tenth of the
 * time.
 */
export class SpanEncoder {
  readonly #serialize: Serialize;
  readonly #options: SpanOptions;
  /** By hash of their kind; null: seen once. */
  readonly #templates = new Map<number, SpanTemplate | null>();
  #envelope = noEnvelope;

  constructor(serialize: Serialize, options: SpanOptions) {
    this.#serialize = serialize;
    this.#options = options;
  }

  /** Known once a request has been encoded. */
  get envelope(): Envelope {
    return this.#envelope;
  }

  /** A field for each span, valid until the next call. */
  encode(request: TracedRequest): Uint8Array {
    const shape = shapeOf(request);
    if (shape === null) return this.#spans(request);
    const kind = kindHash(request, shape);
    const { provider: name } = request.event;
    const provider = name === null ? null : this.#options.providerOf(name);
    const found = this.#templates.get(kind);
    if (found?.fits(request, shape, provider)) return found.fill(request);
    const spans = this.#spans(request);
    if (this.#templates.size >= maxTemplates) this.#templates.clear();
    const isWorth = found !== undefined && spans.length <= maxTemplateBytes;
    this.#templates.set(kind, isWorth ? new SpanTemplate(spans, request, shape, provider) : null);
    return spans;
  }

  #spans(request: TracedRequest): Uint8Array {
    const bytes = this.#serialize(spansOf(request, this.#options)) ?? none;
    const [resourceSpans] = fieldsOf(bytes, 0, bytes.length);
    const [resource, scopeSpans] = resourceSpans
      ? fieldsOf(bytes, resourceSpans.from, resourceSpans.end)
      : [];
    if (!resource || !scopeSpans) return bytes;
    const { from, end } = scopeSpans;
    const spans = [...fieldsOf(bytes, from, end)].filter(({ number }) => number === spansNumber);
    const first = spans[0]?.start ?? end;
    const last = spans.at(-1)?.end ?? end;
    if (this.#envelope === noEnvelope) {
      this.#envelope = {
        resource: bytes.slice(resource.start, resource.end),
        scope: bytes.slice(from, first),
        schemaUrl: bytes.slice(last, end),
      };
    }
    return bytes.slice(first, last);
  }
}
