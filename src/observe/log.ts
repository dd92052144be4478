import { createLogger, format, transports } from 'winston';
import { describeEvent, type Level } from './describe-event.js';
import type { Emit } from './event.js';

export interface LogOptions {
  level: Level;
  /** Whether each finished request is a line. */
  requests: boolean;
  /** Lines for a person, else JSON. */
  readable: boolean;
}

/** Interprets events as log lines on standard output. */
export function createLog({ level, requests, readable }: LogOptions): Emit {
  const logger = createLogger({
    level,
    format: readable ? readableFormat() : format.combine(format.timestamp(), format.json()),
    transports: [new transports.Console()],
  });
  return (event) => {
    if (event.type === 'request_finished' && !requests) return;
    const { type, ...fields } = event;
    logger.log({ ...describeEvent(event), event: type, ...fields });
  };
}

function readableFormat() {
  const colors = process.env.NO_COLOR ? [] : [format.colorize({ level: true })];
  return format.combine(
    format.timestamp({ format: 'HH:mm:ss' }),
    ...colors,
    format.printf(({ timestamp, level, message }) => `${timestamp} ${level} ${message}`),
  );
}
