import {
  createTraceState,
  ProtobufTraceSerializer,
  resourceFromAttributes,
} from '../../../src/observe/otlp/official.js';
import type { TracedRequest } from '../../../src/observe/otlp/span-attributes.js';
import { SpanBatch } from '../../../src/observe/otlp/span-batch.js';
import { SpanEncoder } from '../../../src/observe/otlp/span-encoder.js';
import { type SpanOptions, spansOf } from '../../../src/observe/otlp/spans.js';
import { finished } from '../usage/finished.js';

export const providers = { main: { system: 'openai', host: 'example.com', port: 443 } };
export const options: SpanOptions = {
  resource: resourceFromAttributes({ 'service.name': 'llmproxy', 'host.name': 'a' }),
  scope: { name: 'llmproxy', version: '1.2.3', schemaUrl: 'https://example.com/1' },
  scheme: 'https',
  stateOf: createTraceState,
  providerOf: (key) => (key === 'main' ? providers.main : null),
};
export const official = ProtobufTraceSerializer.serializeRequest;

export function exported(encoder: SpanEncoder, requests: readonly TracedRequest[]): Buffer {
  const batch = new SpanBatch(encoder);
  for (const request of requests) batch.add(request);
  return Buffer.from(batch.encode());
}

export function expectedOf(requests: readonly TracedRequest[]): Buffer {
  return Buffer.from(official(requests.flatMap((request) => spansOf(request, options))) ?? []);
}

/** The same request, but of another model. */
export function ofModel(model: string): TracedRequest {
  const trace = {
    ...{ traceId: 'a'.repeat(32), spanId: `${'b'.repeat(14)}00`, parentSpanId: null },
    ...{ state: null, isSampled: true, sentMs: 1, waits: null },
  };
  return { event: { ...finished({ model }), trace }, usage: null, charge: null, text: null };
}

export function counting(): { encoder: SpanEncoder; encoded(): number } {
  let encoded = 0;
  const encoder = new SpanEncoder((spans) => {
    encoded++;
    return official(spans);
  }, options);
  return { encoder, encoded: () => encoded };
}
