/** A process that logs on its parent's command, to test its standard output. */
import { setImmediate as turn } from 'node:timers/promises';
import type { GatewayEvent } from '../../src/observe/event.js';
import { createLog, type LogOptions } from '../../src/observe/log.js';

export interface LogTask {
  options: LogOptions;
  event: GatewayEvent;
  /** Number of times the event is logged; the event loop turns after each hundred. */
  times: number;
}

export interface LogReport {
  droppedLines: number;
  rssBytes: number;
}

let log: ReturnType<typeof createLog> | null = null;

process.on('message', async ({ options, event, times }: LogTask) => {
  log ??= createLog(options);
  for (let i = 0; i < times; i++) {
    log.emit(event);
    if (i % 100 === 99) await turn();
  }
  const report: LogReport = {
    droppedLines: log.droppedLines,
    rssBytes: process.memoryUsage.rss(),
  };
  process.send?.(report);
});
