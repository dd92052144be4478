import { Writable } from 'node:stream';
import { createLogger, format, transports } from 'winston';
import { describeEvent, type Level } from './describe-event.js';
import type { Emit, GatewayEvent } from './event.js';
import { openLogSink } from './log-sink.js';
import { visible, visibleLines } from './visible.js';

export interface LogOptions {
  level: Level;
  /** Log each finished request. */
  requests: boolean;
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
      if (isOfRequest(event) && !requests) return;
      if (event.type === 'wrong_key' && !event.isSample) return;
      const described = describeEvent(event);
      if (!logger.isLevelEnabled(described.level) || !sink.hasRoom()) return;
      logger.log({ ...described, event: event.type, ...fieldsOf(event) });
    },
    get droppedLines() {
      return sink.dropped;
    },
  };
}

function isOfRequest({ type }: GatewayEvent): boolean {
  return type === 'request_finished' || type === 'usage_counted';
}

/** The fields of an event without the texts of clients and models. */
function fieldsOf(event: GatewayEvent): object {
  if (event.type === 'request_finished') {
    const { type, uncounted, bodies, ...fields } = event;
    return fields;
  }
  const { type, ...fields } = event;
  return fields;
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
