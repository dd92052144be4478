import { counted } from '../../observe/counted.js';
import { paint, tableLines } from '../output.js';
import { sparkline } from '../requests/sparkline.js';
import { compact, duration } from '../requests/usage-view.js';

/** The answer of `GET /admin/v1/status`. */
export interface GatewayStatus {
  version: string;
  at: string;
  uptime_seconds: number;
  config: { version: number; since: string };
  window_seconds: number;
  requests: Sums & {
    limited: number;
    in_flight: number;
    p50_ms: number | null;
    p95_ms: number | null;
    p99_ms: number | null;
  };
  series: { requests: number; errors: number; p95_ms: number | null }[];
  providers: ProviderNow[];
  keys: (Sums & { key: string; limited: number; rate_limit: number | null })[];
  workers: {
    worker: string;
    in_flight: number;
    loop_delay_p99_ms: number | null;
    rss_bytes: number;
  }[];
  workers_desired: number;
}

interface Sums {
  requests: number;
  errors: number;
  per_second: number;
  tokens: number;
}

interface ProviderNow extends Sums {
  provider: string;
  state: string;
  until: string | null;
  share: number;
  in_flight: number;
  max_concurrency: number | null;
  latency_ms: number | null;
}

const maxSparkline = 40;
const isOut = new Set(['ejected', 'on_trial', 'key_unusable']);
/** Maximum providers shown, the busiest first. */
const maxProviders = 20;
/** Maximum keys shown, the busiest first. */
const maxKeys = 10;

/** The lines of a status; `width` in terminal columns. */
export function statusLines(status: GatewayStatus, width: number): string[] {
  const { requests, series, providers, keys, workers } = status;
  const spark = Math.max(10, Math.min(maxSparkline, width - 38));
  const line = (name: string, now: string, values: (number | null)[], rest: string) =>
    `${name.padEnd(9)}${now.padStart(8)}  ${paint('dim', sparkline(values, spark).padEnd(spark))}  ${rest}`;
  return [
    [
      paint('bold', `llmproxy ${status.version}`),
      `up ${uptime(status.uptime_seconds)}`,
      `config ${status.config.version}`,
      workersOf(status),
      `${requests.in_flight} in flight`,
    ].join('  '),
    '',
    line(
      'requests',
      `${compact(requests.per_second)}/s`,
      series.map((second) => second.requests),
      `${compact(requests.requests)} in 1min`,
    ),
    line(
      'errors',
      percent(requests.errors, requests.requests),
      series.map((second) => second.errors),
      requests.limited > 0 ? `${compact(requests.limited)} limited` : '',
    ).trimEnd(),
    line(
      'p95',
      duration(requests.p95_ms),
      series.map((second) => second.p95_ms),
      `${duration(requests.p50_ms)} p50`,
    ),
    `${''.padEnd(19)}${paint('dim', 'a minute ago'.padEnd(spark - 3))}${paint('dim', 'now')}  ${duration(requests.p99_ms)} p99`,
    '',
    ...providerLines(providers, width),
    ...keyLines(keys, width),
    '',
    ...tableLines(
      workers,
      [
        { header: 'WORKER', value: ({ worker }) => worker },
        { header: 'IN FLIGHT', value: (each) => String(each.in_flight), align: 'right' },
        { header: 'LOOP P99', value: (each) => duration(each.loop_delay_p99_ms), align: 'right' },
        { header: 'MEMORY', value: (each) => `${megabytes(each.rss_bytes)} MB`, align: 'right' },
      ],
      width,
    ),
  ];
}

function providerLines(providers: readonly ProviderNow[], width: number): string[] {
  if (providers.length === 0) return ['no providers yet; add one: llmproxy provider add --help'];
  // Equally busy ones stay in the order of the configuration.
  const shown = [...providers]
    .sort((a, b) => b.requests - a.requests || b.in_flight - a.in_flight)
    .slice(0, maxProviders);
  const [header = '', ...rows] = tableLines(
    shown,
    [
      { header: 'PROVIDER', value: ({ provider }) => provider, shrinkTo: 12, isName: true },
      { header: 'STATE', value: stateOf },
      { header: 'SHARE', value: ({ share }) => `${Math.round(share * 100)}%`, align: 'right' },
      { header: 'REQ/S', value: (each) => compact(each.per_second), align: 'right' },
      { header: 'ERRORS', value: (each) => percent(each.errors, each.requests), align: 'right' },
      { header: 'IN FLIGHT', value: inFlight, align: 'right' },
      { header: 'LATENCY', value: (each) => duration(each.latency_ms), align: 'right' },
    ],
    width,
  );
  const lines = rows.map((row, index) => coloured(row, shown[index]?.state ?? ''));
  return [header, ...lines, ...moreLine(providers.length - shown.length)];
}

function keyLines(keys: GatewayStatus['keys'], width: number): string[] {
  if (keys.length === 0) return ['', paint('dim', 'no key was used in the last minute')];
  const lines = tableLines(
    keys.slice(0, maxKeys),
    [
      { header: 'KEY', value: ({ key }) => key, shrinkTo: 12, isName: true },
      { header: 'REQ/S', value: (each) => compact(each.per_second), align: 'right' },
      { header: 'LIMIT', value: ({ rate_limit }) => limitOf(rate_limit), align: 'right' },
      { header: 'REQS', value: (each) => compact(each.requests), align: 'right' },
      { header: 'ERRORS', value: (each) => percent(each.errors, each.requests), align: 'right' },
      { header: 'LIMITED', value: (each) => compact(each.limited), align: 'right' },
      { header: 'TOKENS', value: (each) => compact(each.tokens), align: 'right' },
    ],
    width,
  );
  return ['', ...lines, ...moreLine(keys.length - maxKeys)];
}

function moreLine(count: number): string[] {
  return count > 0 ? [paint('dim', `… and ${count} more`)] : [];
}

function coloured(line: string, state: string): string {
  if (state === 'available') return line;
  if (state === 'disabled') return paint('dim', line);
  return paint(isOut.has(state) ? 'red' : 'yellow', line);
}

/** The state with its remaining seconds. */
function stateOf({ state, until }: ProviderNow): string {
  const text = state.replaceAll('_', ' ');
  const seconds = until === null ? 0 : Math.ceil((Date.parse(until) - Date.now()) / 1000);
  return seconds > 0 ? `${text} ${seconds}s` : text;
}

function inFlight({ in_flight, max_concurrency }: ProviderNow): string {
  return max_concurrency === null ? String(in_flight) : `${in_flight}/${max_concurrency}`;
}

function limitOf(rateLimit: number | null): string {
  return rateLimit === null ? '-' : `${compact(rateLimit)}/s`;
}

function workersOf({ workers, workers_desired }: GatewayStatus): string {
  const text = `${workers.length}/${counted(workers_desired, 'worker')}`;
  return workers.length < workers_desired ? paint('yellow', text) : text;
}

function percent(part: number, of: number): string {
  if (part === 0) return of === 0 ? '-' : '0%';
  const share = (100 * part) / of;
  return share < 1 ? '<1%' : `${Math.round(share)}%`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0);
}

function uptime(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h ${minutes % 60}min` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
