import { describeEvent, type Level } from './describe-event.js';
import type { GatewayEvent } from './event.js';
import { spanIdOf, traceIdOf } from './span-ids.js';

/** An event as a line of the log. */
export interface LogLine {
  level: Level;
  message: string;
  event: GatewayEvent['type'];
  /** Without the texts of clients and models. */
  fields: Readonly<Record<string, unknown>>;
  /** Null: it is about no traced request. */
  trace: { traceId: string; spanId: string; isSampled: boolean } | null;
}

export interface LogFilter {
  level: Level;
  /** Log each finished request. */
  requests: boolean;
}

/** From the most important level to the most detailed. */
const levels: readonly Level[] = ['error', 'warn', 'info', 'debug'];

/** Null for an event that is not logged. */
export function logLineOf(
  event: GatewayEvent,
  { level: most, requests }: LogFilter,
): LogLine | null {
  if (!requests && isOfRequest(event)) return null;
  if (event.type === 'wrong_key' && !event.isSample) return null;
  const { level, message } = describeEvent(event);
  if (levels.indexOf(level) > levels.indexOf(most)) return null;
  if (event.type !== 'request_finished') {
    const { type, ...fields } = event;
    return { level, message, event: type, fields, trace: null };
  }
  const { type, uncounted, bodies, trace, ...fields } = event;
  const { requestId } = event;
  return {
    ...{ level, message, event: type, fields },
    trace: trace && {
      traceId: traceIdOf({ requestId, trace }),
      spanId: spanIdOf({ requestId, trace }),
      isSampled: trace.isSampled,
    },
  };
}

function isOfRequest({ type }: GatewayEvent): boolean {
  return type === 'request_finished' || type === 'usage_counted';
}
