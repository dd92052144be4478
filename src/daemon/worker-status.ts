import type { WorkerStatus } from '../observe/metrics-state.js';
import { watchProcess } from '../observe/process-status.js';
import { route } from '../proxy/route.js';
import type { Exchange } from '../server/exchange.js';

/** Counts the requests of a worker that are not over, and measures its process. */
export interface StatusOfWorker {
  /** Calls `handle` with each exchange; its promise never rejects. */
  counting(handle: (exchange: Exchange) => Promise<void>): (exchange: Exchange) => void;
  /** How it does; ends one period of measurement and begins the next. */
  read(): Omit<WorkerStatus, 'providers'>;
}

export function statusOfWorker(): StatusOfWorker {
  const measure = watchProcess();
  // The one that everybody uses is there from the start, so that a graph of it is.
  const active = new Map([['/v1/chat/completions', 0]]);
  const add = (endpoint: string, count: number) =>
    active.set(endpoint, (active.get(endpoint) ?? 0) + count);
  return {
    counting: (handle) => (exchange) => {
      const endpoint = endpointOf(exchange);
      add(endpoint, 1);
      handle(exchange).then(() => add(endpoint, -1));
    },
    read: () => ({ ...measure(), activeRequests: Object.fromEntries(active) }),
  };
}

function endpointOf(exchange: Exchange): string {
  try {
    return route(exchange).pattern;
  } catch {
    return 'unknown';
  }
}
