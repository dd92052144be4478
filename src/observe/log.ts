import { Writable } from 'node:stream';
import { createLogger, format, transports } from 'winston';
import type { Emit } from './event.js';
import { type LogFilter, logLineOf } from './log-line.js';
import { openLogSink } from './log-sink.js';
import { visible, visibleLines } from './visible.js';

export interface LogOptions extends LogFilter {
  /** Lines for people instead of JSON. */
  readable: boolean;
  /** Characters that may wait for a slow reader; 1 Mi unless given. */
  maxPending?: number;
}

export interface Log {
  emit: Emit;
  /** Lines lost because the reader did not take them. */
  readonly droppedLines: number;
}

/** Writes events as log lines to standard output; lines are dropped while its reader is slow. */
export function createLog({ level, requests, readable, ...options }: LogOptions): Log {
  const sink = openLogSink({
    ...options,
    onRecovered: (dropped) => {
      const message = `${dropped} lines of the log were dropped: their reader was too slow`;
      logger.log({ level: 'warn', message, event: 'log_lines_dropped', dropped });
    },
  });
  const stream = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      sink.write(line);
      done();
    },
  });
  const logger = createLogger({
    level,
    format: readable ? readableFormat() : jsonFormat(),
    transports: [new transports.Stream({ stream, eol: '\n' })],
  });
  return {
    emit(event) {
      const line = logLineOf(event, { level, requests });
      if (!line || !sink.hasRoom()) return;
      const { fields, trace, ...described } = line;
      const ids = trace && { trace_id: trace.traceId, span_id: trace.spanId };
      logger.log({ ...described, ...fields, ...ids });
    },
    get droppedLines() {
      return sink.dropped;
    },
  };
}

function jsonFormat() {
  const text = Symbol.for('message');
  const safe = format((info) => {
    info[text] = visible(String(info[text]));
    return info;
  });
  return format.combine(format.timestamp(), format.json(), safe());
}

function readableFormat() {
  const colors = process.env.NO_COLOR ? [] : [format.colorize({ level: true })];
  return format.combine(
    format.timestamp({ format: 'HH:mm:ss' }),
    ...colors,
    format.printf(
      ({ timestamp, level, message }) => `${timestamp} ${level} ${visibleLines(String(message))}`,
    ),
  );
}
