import type { RequestFinished } from '../observe/event.js';
import type { Exchange } from '../server/exchange.js';
import { requestIdOf } from './headers.js';

/** What is known of a request so far; becomes its `request_finished` event. */
export interface RequestRecord extends RequestFinished {
  /** Monotonic clock at the start, milliseconds. */
  readonly startMs: number;
}

export function beginRecord(exchange: Exchange): RequestRecord {
  return {
    type: 'request_finished',
    requestId: requestIdOf(exchange.header('x-request-id')),
    startedAt: Date.now(),
    startMs: performance.now(),
    method: exchange.method,
    endpoint: 'unknown',
    credential: null,
    model: null,
    modelSent: null,
    provider: null,
    attempts: 0,
    attemptsLog: null,
    attemptsEnd: null,
    configVersion: 0,
    rateLimit: null,
    status: 0,
    error: null,
    stream: false,
    totalMs: 0,
    upstreamMs: 0,
    firstTokenMs: null,
    complete: false,
    usage: null,
    uncounted: null,
    bodies: null,
  };
}

/** Completes the record when the exchange is over. */
export function finishRecord(record: RequestRecord): RequestFinished {
  record.totalMs = performance.now() - record.startMs;
  return record;
}
