import { Counter, Gauge, type Registry } from 'prom-client';
import type { FleetState, GatewayState, WorkerState } from './gateway-state.js';
import type { ProcessStatus } from './process-status.js';

/**
 * Registers the metrics that are computed at each scrape.
 * @param control measures the control process.
 * @param providerHealth true for each enabled provider that requests are sent to.
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
  const budgetGauge = (what: 'amount' | 'spent' | 'reserved', help: string) =>
    gauge(`llm_proxy_budget_${what}_dollars`, help, ['budget'], () =>
      state().budgets.map((each) => [each.name, each[what] / 1e9] as const),
    );
  budgetGauge('amount', 'What may be spent of a budget in its window, in US dollars.');
  budgetGauge('spent', 'What is spent of a budget in its present window, in US dollars.');
  budgetGauge('reserved', 'Lent to workers for requests of a budget, in US dollars.');
  gauge(
    'llm_proxy_canary_percent',
    'Percent of its requests that a canary moves.',
    ['canary'],
    () => state().canaries.map(({ name, percent }) => [name, percent] as const),
  );
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
    '1 while requests are sent to an enabled provider, 0 while it is taken out.',
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
    '1 if the configuration was valid when it was last read, else 0.',
    () => Number(state().lastReload.successful),
  );
  value(
    'llm_proxy_config_last_reload_success_timestamp_seconds',
    'Unix time of the last successful read of the configuration, in seconds.',
    () => {
      const { lastSuccessAt } = state().lastReload;
      return lastSuccessAt && lastSuccessAt / 1000;
    },
  );
  const fleetValue = (name: string, help: string, read: (fleet: FleetState) => number) =>
    value(`llm_proxy_fleet_${name}`, help, () => read(state().fleet));
  fleetValue('daemons', 'Daemons of the database that are not gone.', ({ live }) => live);
  fleetValue(
    'daemons_gone',
    'Daemons that have ended without a word in the last hour, or that nobody reaches.',
    ({ gone }) => gone,
  );
  fleetValue(
    'daemons_cut_off',
    'Daemons that cannot reach the database, but serve.',
    ({ cutOff }) => cutOff,
  );
  fleetValue('versions', 'Different versions of llmproxy among the daemons.', (f) => f.versions);
  fleetValue(
    'config_lag',
    'The most changes of the configuration that a daemon does not use yet.',
    ({ lag }) => lag,
  );
  fleetValue('limits_shared', '1 while limits are leased from the store, else 0.', ({ isShared }) =>
    Number(isShared),
  );
  fleetValue(
    'store_up',
    '0 while this daemon cannot reach the store that limits are leased from, else 1.',
    ({ isStoreWorking }) => Number(isStoreWorking),
  );
  gauge(
    'llm_proxy_fleet_heartbeat_age_seconds',
    'Time since the last heartbeat of a daemon, as of the last one of this daemon.',
    ['daemon'],
    () => state().fleet.daemons.map((each) => [each.id, each.heartbeatAgeMs / 1000] as const),
  );
  value('llm_proxy_usage_queue_rows', 'Usage rows not stored yet.', () => state().usage.queuedRows);
  counter(
    'llm_proxy_usage_rows_dropped_total',
    'Usage rows lost.',
    () => state().usage.droppedRows,
  );
  value(
    'llm_proxy_usage_export_queue_rows',
    'Usage rows not exported yet.',
    () => state().usage.exported?.queued ?? null,
  );
  value(
    'llm_proxy_usage_export_lag_seconds',
    'Age of the oldest usage row not exported yet.',
    () => state().usage.exported?.lagSeconds ?? null,
  );
  counter(
    'llm_proxy_usage_export_rows_total',
    'Usage rows exported by this daemon.',
    () => state().usage.exported?.delivered ?? 0,
  );
  counter(
    'llm_proxy_usage_export_failures_total',
    'Batches of usage rows that could not be exported, and are sent again.',
    () => state().usage.exported?.failures ?? 0,
  );
  counter(
    'llm_proxy_log_lines_dropped_total',
    'Log lines dropped because their reader was too slow.',
    () => state().droppedLogLines,
  );
  gauge(
    'llm_proxy_otlp_queued',
    'Requests, sets of metrics or lines of the log that wait to be exported by OTLP.',
    ['signal'],
    () => state().exporters.map(({ signal, queued }) => [signal, queued] as const),
  );
  const exports = (what: 'exported' | 'dropped', help: string) =>
    new Counter({
      name: `llm_proxy_otlp_${what}_total`,
      help,
      labelNames: ['signal'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { signal, [what]: count } of state().exporters) this.inc({ signal }, count);
      },
    });
  exports('exported', 'The same that the collector has taken.');
  exports('dropped', 'The same that were lost: too many waited, or the collector refused them.');
  const held = (what: 'answers' | 'bytes' | 'evicted') => {
    const { workers, sharedCache } = state();
    const own = workers.flatMap(({ name, status }) =>
      status ? [[name, status.cache[what]] as const] : [],
    );
    return sharedCache ? [...own, ['control', sharedCache[what]] as const] : own;
  };
  gauge('llm_proxy_cache_bytes', 'Memory for cached answers.', ['process'], () => held('bytes'));
  gauge('llm_proxy_cache_answers', 'Cached answers.', ['process'], () => held('answers'));
  counter('llm_proxy_cache_evictions_total', 'Cached answers evicted for others.', () =>
    held('evicted').reduce((sum, [, evicted]) => sum + evicted, 0),
  );
  new Counter({
    name: 'llm_proxy_cache_fleet_total',
    help: 'Uses of the answers that machines share: hit, miss or failure.',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      this.reset();
      const { remote } = state().sharedCache ?? {};
      if (!remote) return;
      this.inc({ result: 'hit' }, remote.hits);
      this.inc({ result: 'miss' }, remote.misses);
      this.inc({ result: 'failure' }, remote.failures);
    },
  });
  value('llm_proxy_workers', 'Live worker processes.', () => state().workers.length);
  value(
    'llm_proxy_workers_desired',
    'Worker processes that should be running.',
    () => state().workersDesired,
  );
  // The first of the three gauges measures for all: each measurement starts a new period.
  gauge(
    'llm_proxy_event_loop_delay_p50_seconds',
    "Median delay of a process's event loop, over about a second.",
    ['process'],
    () => {
      processes = [['control', control()]];
      for (const { name, status } of state().workers) if (status) processes.push([name, status]);
      return processes.map(([name, { loopDelayP50Ms }]) => [name, loopDelayP50Ms / 1000]);
    },
  );
  gauge(
    'llm_proxy_event_loop_delay_p99_seconds',
    "99th percentile of the delay of a process's event loop, over about a second.",
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
