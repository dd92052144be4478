import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { until } from './until.js';

/** A span as it was received. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Empty: it has none. */
  parentSpanId: string;
  traceState: string;
  name: string;
  /** Such as `SPAN_KIND_SERVER`. */
  kind: string;
  attributes: Attributes;
  /** Ids of the linked spans. */
  links: string[];
  /** Null: its status is no error. */
  error: string | null;
  /** Nanoseconds since the epoch. */
  startNs: bigint;
  endNs: bigint;
  /** Attributes of its resource. */
  resource: Attributes;
  scope: { name: string; version: string; schemaUrl: string };
}

export interface ReceivedMetric {
  name: string;
  kind: 'sum' | 'gauge' | 'histogram';
  points: { attributes: Attributes; value: number; counts: number[]; bounds: number[] }[];
}

export interface ReceivedLog {
  traceId: string;
  spanId: string;
  severity: string;
  eventName: string;
  body: string;
  attributes: Attributes;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Metrics of the last export. */
  readonly metrics: readonly ReceivedMetric[];
  readonly logs: readonly ReceivedLog[];
  /** Headers of every export. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** All that was received, byte for character. */
  text(): string;
  /** The spans of the request with this id, its own first, once they have come. */
  of(requestId: string): Promise<ReceivedSpan[]>;
}

type Attributes = Record<string, unknown>;

/**
 * Receives OTLP over HTTP, and decodes it by OpenTelemetry's definitions, as protobufjs has made them
 * code in an earlier version of its packages.
 */
export async function startOtlpReceiver(
  t: TestContext,
  { port = 0, tls = null }: { port?: number; tls?: ServerOptions | null } = {},
): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const logs: ReceivedLog[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let metrics: ReceivedMetric[] = [];
  let text = '';
  const listener: RequestListener = async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const sent = Buffer.concat(pieces);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const isKnown = request.headers['content-type'] === 'application/x-protobuf';
    headers.push(request.headers);
    text += body.toString('latin1');
    if (isKnown && request.url === '/v1/traces') spans.push(...spansIn(body));
    else if (isKnown && request.url === '/v1/metrics') metrics = metricsIn(body);
    else if (isKnown && request.url === '/v1/logs') logs.push(...logsIn(body));
    else response.statusCode = 404;
    response.end();
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${own}`,
    spans,
    logs,
    headers,
    get metrics() {
      return metrics;
    },
    text: () => text,
    async of(requestId) {
      const request = await until(`the span of ${requestId}`, () =>
        spans.find(({ attributes }) => attributes['llmproxy.request_id'] === requestId),
      );
      return [request, ...spans.filter(({ parentSpanId }) => parentSpanId === request.spanId)];
    },
  };
}

interface Message {
  decode(bytes: Uint8Array): unknown;
  toObject(message: unknown, options: object): unknown;
}

interface Definitions {
  opentelemetry: {
    proto: {
      collector: {
        trace: { v1: { ExportTraceServiceRequest: Message } };
        metrics: { v1: { ExportMetricsServiceRequest: Message } };
        logs: { v1: { ExportLogsServiceRequest: Message } };
      };
    };
  };
}

const require = createRequire(import.meta.url);
const { collector } = (require('otlp-definitions/build/src/generated/root.js') as Definitions)
  .opentelemetry.proto;

/** Like protobuf's own JSON, but for ids and numbers of 64 bits. */
function decoded<T>(message: Message, body: Buffer): T {
  const options = { longs: String, enums: String, bytes: String, defaults: true, arrays: true };
  return message.toObject(message.decode(body), options) as T;
}

interface AnyValue {
  stringValue?: string;
  intValue?: string;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: AnyValue[] };
  kvlistValue?: { values: KeyValue[] };
}

interface KeyValue {
  key: string;
  value: AnyValue;
}

interface Scoped {
  scope: { name: string; version: string };
  schemaUrl: string;
}

function attributesOf(pairs: readonly KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: AnyValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue) return value.arrayValue.values.map(readValue);
  if (value.kvlistValue) return attributesOf(value.kvlistValue.values);
  return value.stringValue ?? value.doubleValue ?? value.boolValue ?? null;
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

interface Span extends Record<'traceId' | 'spanId' | 'parentSpanId' | 'traceState', string> {
  name: string;
  kind: string;
  attributes: KeyValue[];
  links: { spanId: string }[];
  status: { code: string; message: string } | null;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

function spansIn(body: Buffer): ReceivedSpan[] {
  const { resourceSpans } = decoded<{
    resourceSpans: {
      resource: { attributes: KeyValue[] };
      scopeSpans: (Scoped & { spans: Span[] })[];
    }[];
  }>(collector.trace.v1.ExportTraceServiceRequest, body);
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope: { name, version }, schemaUrl, spans }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        traceState: span.traceState,
        name: span.name,
        kind: span.kind,
        attributes: attributesOf(span.attributes),
        links: span.links.map(({ spanId }) => hex(spanId)),
        error: span.status?.code === 'STATUS_CODE_ERROR' ? span.status.message : null,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        resource: attributesOf(resource.attributes),
        scope: { name, version, schemaUrl },
      })),
    ),
  );
}

interface Point {
  attributes: KeyValue[];
  asDouble?: number;
  sum?: number;
  bucketCounts?: string[];
  explicitBounds?: number[];
}

type Metric = { name: string } & Partial<
  Record<ReceivedMetric['kind'], { dataPoints: Point[] } | null>
>;

function metricsIn(body: Buffer): ReceivedMetric[] {
  const { resourceMetrics } = decoded<{
    resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }[];
  }>(collector.metrics.v1.ExportMetricsServiceRequest, body);
  const all = resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics),
  );
  return all.map((metric) => {
    const kind = (['sum', 'gauge', 'histogram'] as const).find((each) => metric[each]) ?? 'sum';
    const points = (metric[kind]?.dataPoints ?? []).map((point) => ({
      attributes: attributesOf(point.attributes),
      value: point.asDouble ?? point.sum ?? 0,
      counts: (point.bucketCounts ?? []).map(Number),
      bounds: point.explicitBounds ?? [],
    }));
    return { name: metric.name, kind, points };
  });
}

interface Log {
  traceId: string;
  spanId: string;
  severityText: string;
  eventName: string;
  body: AnyValue;
  attributes: KeyValue[];
}

function logsIn(body: Buffer): ReceivedLog[] {
  const { resourceLogs } = decoded<{ resourceLogs: { scopeLogs: { logRecords: Log[] }[] }[] }>(
    collector.logs.v1.ExportLogsServiceRequest,
    body,
  );
  const all = resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) => logRecords),
  );
  return all.map((log) => ({
    traceId: hex(log.traceId),
    spanId: hex(log.spanId),
    severity: log.severityText,
    eventName: log.eventName,
    body: String(readValue(log.body)),
    attributes: attributesOf(log.attributes),
  }));
}
