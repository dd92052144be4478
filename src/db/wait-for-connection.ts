import { setTimeout as pause } from 'node:timers/promises';
import type postgres from 'postgres';
import { eachQuery } from './each-query.js';

/** The server, the database or the role has no free connection. */
const tooManyConnections = '53300';
/** Shorter than all deadlines of ours, so that the reported error is the cause. */
const maxWaitMs = 4_000;
const firstPauseMs = 20;
const maxPauseMs = 400;

/**
 * The same pool, whose queries wait while the server grants no connection: the pool may free one of
 * its own by then. Such a query has not been sent, so it is safe to send it later.
 */
export function waitingForConnections(sql: postgres.Sql): postgres.Sql {
  return eachQuery(sql, (query) => {
    const giveUpAt = performance.now() + maxWaitMs;
    const { reject } = query;
    let pauseMs = firstPauseMs;
    query.reject = (error) => {
      const isFull = error instanceof Error && Reflect.get(error, 'code') === tooManyConnections;
      if (!isFull || performance.now() > giveUpAt) return reject(error);
      void pause(pauseMs).then(() => query.handler(query));
      pauseMs = Math.min(2 * pauseMs, maxPauseMs);
    };
  });
}
