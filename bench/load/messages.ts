/** A job for the load generator. */
export interface Job {
  host: string;
  port: number;
  /** The whole HTTP/1.1 request. */
  request: Uint8Array;
  pace: ClosedLoop | OpenLoop;
}

/** Each connection sends its next request after the last answer: finds the maximum throughput. */
export interface ClosedLoop {
  kind: 'closed';
  connections: number;
  /** The connections start spread over this time, so that streams do not run in step. */
  rampMs: number;
}

/** Requests are sent at a fixed rate, whether or not earlier ones are answered. */
export interface OpenLoop {
  kind: 'open';
  perSecond: number;
}

/** Counts between two marks. */
export interface Counts {
  elapsedMs: number;
  /** Answers with a 2xx status, completely read. */
  requests: number;
  /** Server-sent events in them. */
  events: number;
  /** Other statuses, and connections that failed. */
  errors: number;
  /** The last error, for people; null when there was none. */
  lastError: string | null;
  /** Until the first byte of the body. */
  firstByte: Percentiles;
  /** Until the last byte; from the intended send time in an open loop. */
  whole: Percentiles;
}

/** Milliseconds; NaN crosses process boundaries as null, so no sample is null. */
export interface Percentiles {
  p50: number | null;
  p99: number | null;
  p999: number | null;
  max: number | null;
}

export type ToGenerator = { type: 'start'; job: Job } | { type: 'mark' } | { type: 'stop' };
export type FromGenerator = { type: 'started' | 'stopped' } | { type: 'counts'; counts: Counts };
