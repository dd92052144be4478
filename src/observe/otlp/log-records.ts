import type { Level } from '../describe-event.js';
import type { LogLine } from '../log-line.js';
import type { ProtobufLogsSerializer } from './official.js';
import { hrTime } from './spans.js';

type LogRecord = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];

/** OpenTelemetry's numbers. */
const severities: Readonly<Record<Level, number>> = { debug: 5, info: 9, warn: 13, error: 17 };

/** @param atMs wall clock. */
export function logRecordOf(
  { level, message, event, fields, trace }: LogLine,
  atMs: number,
  resource: LogRecord['resource'],
  scope: LogRecord['instrumentationScope'],
): LogRecord {
  const time = hrTime(atMs);
  return {
    hrTime: time,
    hrTimeObserved: time,
    severityNumber: severities[level],
    severityText: level,
    body: message,
    eventName: event,
    attributes: JSON.parse(JSON.stringify(fields)) as LogRecord['attributes'],
    droppedAttributesCount: 0,
    resource,
    instrumentationScope: scope,
    ...(trace && {
      spanContext: {
        traceId: trace.traceId,
        spanId: trace.spanId,
        traceFlags: Number(trace.isSampled),
      },
    }),
  };
}
