import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { TokenUsage } from '../../dialects/usage.js';
import type { Emit, GatewayEvent, OtlpSignal } from '../event.js';
import { type LogFilter, type LogLine, logLineOf } from '../log-line.js';
import type { Bodies, Charge, KeptBody, RequestFinished } from '../request-event.js';
import { bodyText } from '../usage/body-text.js';
import { type Batch, ListBatch } from './batch.js';
import { type ExporterState, OtlpExporter } from './exporter.js';
import { logRecordOf } from './log-records.js';
import { metricsOf } from './metric-data.js';
import { OtlpSender, type OtlpTarget } from './post.js';
import { isExported, type Sampling } from './sampled.js';
import type { TracedEvent, TracedRequest } from './span-attributes.js';
import { SpanBatch } from './span-batch.js';
import { SpanEncoder } from './span-encoder.js';
import type { SpanOptions } from './spans.js';

/** Exported signals, each with a receiver of its own; null: not exported. */
export interface TelemetryOptions extends Pick<SpanOptions, 'scheme' | 'providerOf'> {
  version: string;
  /** Attributes of the resource, `service.name` among them. */
  attributes: Readonly<Record<string, string>>;
  traces: (Sampling & { target: OtlpTarget; text: boolean }) | null;
  metrics: { target: OtlpTarget; intervalMs: number } | null;
  logs: (LogFilter & { target: OtlpTarget }) | null;
  /** Maximum requests, and maximum log lines, that may wait. */
  maxQueued: number;
  families(): Promise<MetricObjectWithValues<MetricValue<string>>[]>;
  emit: Emit;
}

/** Exports by OTLP over HTTP with protobuf. */
export interface Telemetry {
  readonly states: readonly ExporterState[];
  /** Takes a finished request, once its usage and cost are known. */
  record(event: RequestFinished, charge: Charge | null, usage: TokenUsage | null): void;
  /** Takes a line of the log. */
  log(event: GatewayEvent): void;
  /** Exports waiting items, within a few seconds. */
  close(): Promise<void>;
}

const closeDeadlineMs = 3_000;
/** Metrics are cumulative, so a later export makes an earlier one redundant. */
const maxQueuedMetrics = 1;
/** Last release of the conventions with all of `gen_ai.*`, which have a repository of their own since. */
const schemaUrl = 'https://opentelemetry.io/schemas/1.41.0';

export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const official = await import('./official.js');
  const { traces, metrics, logs, maxQueued, families, emit, version } = options;
  const resource = official.resourceFromAttributes({ ...options.attributes });
  const scope = { name: 'llmproxy', version, schemaUrl };
  const startedAt = Date.now();
  const exporter = <Item>(
    signal: OtlpSignal,
    target: OtlpTarget,
    max: number,
    { newBatch, read }: Encoding<Item>,
  ) =>
    new OtlpExporter<Item>({
      signal,
      sender: new OtlpSender(target),
      maxQueued: max,
      newBatch,
      rejected: (answer) => rejectedBy(read, answer),
      onState: (reason) =>
        emit(
          reason === null
            ? { type: 'otlp_working', signal }
            : { type: 'otlp_failing', signal, reason },
        ),
    });

  const spanOptions: SpanOptions = {
    ...{ resource, scope, stateOf: official.createTraceState },
    ...{ scheme: options.scheme, providerOf: options.providerOf },
  };
  const encoder = new SpanEncoder(official.ProtobufTraceSerializer.serializeRequest, spanOptions);
  const spans =
    traces &&
    exporter<TracedRequest>('traces', traces.target, maxQueued, {
      newBatch: () => new SpanBatch(encoder),
      read: (answer) => {
        const { partialSuccess } = official.ProtobufTraceSerializer.deserializeResponse(answer);
        return { ...partialSuccess, count: partialSuccess?.rejectedSpans };
      },
    });
  const lines =
    logs &&
    exporter<LogLine & { atMs: number }>('logs', logs.target, maxQueued, {
      newBatch: () =>
        new ListBatch((items) =>
          official.ProtobufLogsSerializer.serializeRequest(
            items.map((line) => logRecordOf(line, line.atMs, resource, scope)),
          ),
        ),
      read: (answer) => {
        const { partialSuccess } = official.ProtobufLogsSerializer.deserializeResponse(answer);
        return { ...partialSuccess, count: partialSuccess?.rejectedLogRecords };
      },
    });
  const sets =
    metrics &&
    exporter<ReturnType<typeof metricsOf>>('metrics', metrics.target, maxQueuedMetrics, {
      newBatch: () =>
        new ListBatch((all) =>
          official.ProtobufMetricsSerializer.serializeRequest({
            resource,
            scopeMetrics: all.map((each) => ({ scope, metrics: each })),
          }),
        ),
      read: (answer) => {
        const { partialSuccess } = official.ProtobufMetricsSerializer.deserializeResponse(answer);
        return { ...partialSuccess, count: partialSuccess?.rejectedDataPoints };
      },
    });
  const measure = async () => sets?.add(metricsOf(await families(), startedAt, Date.now()));
  const timer = metrics && setInterval(() => void measure(), metrics.intervalMs).unref();

  const all = [spans, sets, lines].filter((each) => each !== null);
  return {
    states: all,
    record(event, charge, usage) {
      if (!spans || !traces || !isTraced(event) || !isExported(event, event.trace, traces)) return;
      const { bodies } = event;
      const text = traces.text && bodies ? textOf(bodies) : null;
      spans.add({ event, charge, usage, text });
    },
    log(event) {
      const line = logs && logLineOf(event, logs);
      if (line) lines?.add({ ...line, atMs: Date.now() });
    },
    async close() {
      if (timer) clearInterval(timer);
      await measure();
      await Promise.all(all.map((each) => each.close(closeDeadlineMs)));
    },
  };
}

function isTraced(event: RequestFinished): event is TracedEvent {
  return event.trace !== null;
}

/**
 * Exported characters of a body: many bodies wait in memory, and many receivers limit attributes.
 */
const maxTextCharacters = 16_384;

function textOf({ request, response }: Bodies): TracedRequest['text'] {
  const cut = (body: KeptBody) => {
    const text = bodyText(body);
    return text.length <= maxTextCharacters ? text : `${text.slice(0, maxTextCharacters)}…`;
  };
  return { request: cut(request), response: cut(response) };
}

interface Encoding<Item> {
  newBatch(): Batch<Item>;
  read(answer: Uint8Array): Rejection;
}

interface Rejection {
  count?: number | undefined;
  errorMessage?: string;
}

/** A receiver may answer in another format, such as JSON, which reports no rejections. */
function rejectedBy(
  read: Encoding<never>['read'],
  answer: Uint8Array,
): { count: number; reason: string } {
  try {
    const { count = 0, errorMessage = 'no reason given' } = read(answer);
    return { count, reason: errorMessage };
  } catch {
    return { count: 0, reason: '' };
  }
}
