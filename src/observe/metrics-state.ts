import { Counter, Gauge, type Registry } from 'prom-client';
import type { ProcessStatus } from './process-status.js';

/** What is true now, asked at each scrape. Nothing here asks a worker. */
export interface GatewayState {
  /** What each worker that lives last said of itself; `name` is such as `worker-1`. */
  workers: readonly WorkerState[];
  workersDesired: number;
  /** Of the active configuration; null while there is none. */
  configVersion: number | null;
  /** Wall clock, milliseconds; null before the first one. */
  lastReload: { successful: boolean; lastSuccessAt: number | null };
  usage: { queuedRows: number; droppedRows: number };
  droppedLogLines: number;
}

export interface WorkerState {
  name: string;
  /** Null until it has said something. */
  status: WorkerStatus | null;
}

/** What a worker says of itself once a second. */
export interface WorkerStatus extends ProcessStatus {
  /** Requests that are not over, by endpoint. */
  activeRequests: Readonly<Record<string, number>>;
  /** By provider key: those that it has sent something to, or heard of. */
  providers: Readonly<Record<string, ProviderStatus>>;
}

/** A provider as one worker sees it. */
export interface ProviderStatus {
  /**
   * `recovering`: back, and sent only a part yet. `on_trial`: one request finds out whether it is
   * back.
   */
  state: 'in' | 'recovering' | 'cooling_down' | 'ejected' | 'on_trial';
  /** When that ends by itself: wall clock, milliseconds. */
  until: number | null;
  inFlight: number;
  /** In a row. */
  failures: number;
  /** The estimate of its time to an answer; 0 when there is none. */
  latencyMs: number;
}

/**
 * Registers the metrics that are read off when they are asked for.
 * @param control measures the control process.
 * @param providerHealth enabled providers, and whether requests are sent to each.
 */
export function registerState(
  registry: Registry,
  state: () => GatewayState,
  control: () => ProcessStatus,
  providerHealth: () => ReadonlyMap<string, boolean>,
): void {
  let processes: [string, ProcessStatus][] = [];
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    read: () => Iterable<readonly [string, number]>,
  ) => {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [label, value] of read()) {
          if (labelNames[0] === undefined) this.set(value);
          else this.set({ [labelNames[0]]: label }, value);
        }
      },
    });
  };
  const value = (name: string, help: string, read: () => number | null) =>
    gauge(name, help, [], () => {
      const now = read();
      return now === null ? [] : [['', now]];
    });
  const counter = (name: string, help: string, read: () => number) => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };

  gauge('llm_proxy_active_requests', 'Requests that are not over.', ['endpoint'], () =>
    sumByEndpoint(state().workers),
  );
  gauge(
    'llm_proxy_provider_health',
    'Whether requests are sent to an enabled provider (1), or it was taken out (0).',
    ['provider'],
    () => [...providerHealth()].map(([provider, healthy]) => [provider, healthy ? 1 : 0] as const),
  );
  value(
    'llm_proxy_config_version',
    'Version of the active configuration.',
    () => state().configVersion,
  );
  value(
    'llm_proxy_config_last_reload_successful',
    'Whether the configuration was read and valid when it was last read.',
    () => Number(state().lastReload.successful),
  );
  value(
    'llm_proxy_config_last_reload_success_timestamp_seconds',
    'When the configuration was last read and valid, in seconds since 1970.',
    () => {
      const { lastSuccessAt } = state().lastReload;
      return lastSuccessAt && lastSuccessAt / 1000;
    },
  );
  value(
    'llm_proxy_usage_queue_rows',
    'Usage rows that are not stored yet.',
    () => state().usage.queuedRows,
  );
  counter(
    'llm_proxy_usage_rows_dropped_total',
    'Usage rows that were lost.',
    () => state().usage.droppedRows,
  );
  counter(
    'llm_proxy_log_lines_dropped_total',
    'Log lines that their reader did not take.',
    () => state().droppedLogLines,
  );
  value('llm_proxy_workers', 'Worker processes that live.', () => state().workers.length);
  value(
    'llm_proxy_workers_desired',
    'Worker processes that should live.',
    () => state().workersDesired,
  );
  // The first of the three measures for all of them: measuring starts a new period.
  gauge(
    'llm_proxy_event_loop_delay_p50_seconds',
    'Median delay of the event loop of a process, over about a second.',
    ['process'],
    () => {
      processes = [['control', control()]];
      for (const { name, status } of state().workers) if (status) processes.push([name, status]);
      return processes.map(([name, { loopDelayP50Ms }]) => [name, loopDelayP50Ms / 1000]);
    },
  );
  gauge(
    'llm_proxy_event_loop_delay_p99_seconds',
    '99th percentile of the delay of the event loop of a process, over about a second.',
    ['process'],
    () => processes.map(([name, { loopDelayP99Ms }]) => [name, loopDelayP99Ms / 1000]),
  );
  gauge('llm_proxy_resident_memory_bytes', 'Resident memory of a process.', ['process'], () =>
    processes.map(([name, { rssBytes }]) => [name, rssBytes]),
  );
}

function sumByEndpoint(workers: readonly WorkerState[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { status } of workers) {
    for (const [endpoint, active] of Object.entries(status?.activeRequests ?? {})) {
      sums.set(endpoint, (sums.get(endpoint) ?? 0) + active);
    }
  }
  return sums;
}
