import type { Configuration, Provider } from '../../config/configuration.js';
import type { LearnedLimit, WorkerState } from '../../observe/gateway-state.js';
import { type TrafficSummary, windowSeconds } from '../../observe/recent/traffic.js';
import type { Control } from '../control.js';
import { type ProviderState, providerState } from '../explain/provider-state.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import { paced } from '../pace.js';
import type { AdminRoute, Parameter } from '../route.js';

/** Keys listed, those with the most requests first. */
const maxKeys = 100;
/** Limits listed of a provider. */
const maxLimits = 20;

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const count = { type: 'integer', minimum: 0 };
const countOrNull = { type: ['integer', 'null'] };
const milliseconds = { type: ['number', 'null'], description: 'Milliseconds.' };
const list = (items: object) => ({ type: 'array', items });
const sum = { requests: count, errors: count, per_second: count, tokens: count };

const status = object({
  version: text,
  at: { type: 'string', format: 'date-time' },
  uptime_seconds: count,
  config: object({ version: count, since: { type: 'string', format: 'date-time' } }),
  window_seconds: { ...count, description: 'Length of the period of the sums.' },
  requests: object({
    ...sum,
    limited: count,
    in_flight: count,
    p50_ms: milliseconds,
    p95_ms: milliseconds,
    p99_ms: milliseconds,
  }),
  series: {
    ...list(object({ requests: count, errors: count, p95_ms: milliseconds })),
    description: 'One entry per second, oldest first.',
  },
  providers: list(
    object({
      provider: text,
      state: text,
      until: textOrNull,
      weight: count,
      priority: { type: 'integer' },
      share: { type: 'number', description: 'Share of attempts in the last minute, from 0 to 1.' },
      ...sum,
      in_flight: count,
      max_concurrency: countOrNull,
      latency_ms: milliseconds,
      limits: {
        ...list(
          object({
            model: text,
            counts: { type: 'string', enum: ['requests', 'tokens', 'input', 'output'] },
            limit: count,
            remaining: count,
            resets_at: { type: 'string', format: 'date-time' },
          }),
        ),
        description:
          'Its own limits, as its answers describe them; what is nearest to its end first.',
      },
    }),
  ),
  providers_total: { ...count, description: 'Number of all providers.' },
  provider_states: {
    type: 'object',
    additionalProperties: count,
    description: 'Number of all providers in each state.',
  },
  keys: {
    ...list(
      object({ key: text, ...sum, limited: count, rate_limit: { type: ['number', 'null'] } }),
    ),
    description: 'Keys used in the last minute, busiest first.',
  },
  workers: list(
    object({ worker: text, in_flight: count, loop_delay_p99_ms: milliseconds, rss_bytes: count }),
  ),
  workers_desired: count,
});

/** Query parameters that choose the providers of a status. */
export const statusParameters: readonly Parameter[] = [
  {
    name: 'provider',
    in: 'query',
    description: 'Only these providers, separated by commas.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._,-]+$', maxLength: 7_000 },
  },
  {
    name: 'limit',
    in: 'query',
    description:
      'Maximum number of providers: those with a problem first, then those with the most requests. All by default, in the order of the configuration.',
    schema: { type: 'integer', minimum: 0, maximum: 1_000_000 },
  },
];

/** `/admin/v1/status`: the current state of the gateway, from memory. */
export const statusRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/status',
    access: 'admin',
    operation: {
      operationId: 'getStatus',
      summary: 'Show the current state of the gateway',
      description:
        'Requests of the last minute, providers, keys and workers of this instance, from memory: cheap enough to poll every second.',
      tags: ['monitoring'],
      parameters: [...statusParameters],
      responses: { 200: jsonResponse('How it does', status) },
    },
    handle: async ({ query }, control) => {
      const statusOf = await statusNow(control);
      return { status: 200, body: statusOf(query) };
    },
  },
];

/** Providers looked at before the event loop has a turn: there may be 10,000. */
const providersInTurn = 500;

/**
 * The state of the gateway, as `GET /admin/v1/status` answers it.
 * @returns the part that a query chooses; it is checked against `statusParameters`.
 */
export async function statusNow(control: Control) {
  const { configuration, since } = control.active();
  const { version, startedAt, desired, states } = control.workers();
  const nowMs = Date.now();
  const traffic = control.recent.traffic();
  const attempts = [...traffic.providers.values()].reduce((all, { requests }) => all + requests, 0);
  const limitOf = limitsOf(configuration);
  const { all, counts } = await providersNow(control, nowMs);
  const limitsOfProvider = learnedLimits(states, nowMs);
  const chosen = chooser(all, traffic);
  return (query: URLSearchParams) => ({
    version,
    at: new Date(nowMs).toISOString(),
    uptime_seconds: Math.max(0, Math.round((nowMs - startedAt) / 1000)),
    config: { version: configuration.version, since: since.toISOString() },
    window_seconds: windowSeconds,
    requests: {
      requests: traffic.requests,
      errors: traffic.errors,
      limited: traffic.limited,
      per_second: traffic.perSecond,
      tokens: traffic.tokens,
      in_flight: states.reduce((all, worker) => all + inFlight(worker), 0),
      p50_ms: rounded(traffic.p50),
      p95_ms: rounded(traffic.p95),
      p99_ms: rounded(traffic.p99),
    },
    series: traffic.series.map(({ p95, ...second }) => ({ ...second, p95_ms: rounded(p95) })),
    providers: chosen(query).map(({ provider, now }) => {
      const sums = traffic.providers.get(provider.provider_key);
      return {
        provider: provider.provider_key,
        ...now,
        weight: provider.weight,
        priority: provider.provider_params.priority ?? 0,
        share: attempts === 0 ? 0 : (sums?.requests ?? 0) / attempts,
        requests: sums?.requests ?? 0,
        errors: sums?.errors ?? 0,
        per_second: sums?.perSecond ?? 0,
        tokens: sums?.tokens ?? 0,
        limits: limitsOfProvider(provider.provider_key),
      };
    }),
    providers_total: configuration.providers.length,
    provider_states: counts,
    keys: [...traffic.keys]
      .sort(([, a], [, b]) => b.requests - a.requests)
      .slice(0, maxKeys)
      .map(([key, { perSecond, ...sums }]) => ({
        key,
        ...sums,
        per_second: perSecond,
        rate_limit: limitOf.get(key) ?? null,
      })),
    workers: states.map((worker) => ({
      worker: worker.name,
      in_flight: inFlight(worker),
      loop_delay_p99_ms: rounded(worker.status?.loopDelayP99Ms ?? null),
      rss_bytes: worker.status?.rssBytes ?? 0,
    })),
    workers_desired: desired,
  });
}

/** Chooses the part of a status. */
export type StatusOf = Awaited<ReturnType<typeof statusNow>>;

interface ProviderNow {
  provider: Provider;
  now: ProviderState;
}

/** All providers, and the number of them in each state. */
async function providersNow(
  control: Control,
  nowMs: number,
): Promise<{
  all: readonly ProviderNow[];
  counts: Partial<Record<ProviderState['state'], number>>;
}> {
  const { states } = control.workers();
  const unusable = control.secrets.unusable();
  const counts: Partial<Record<ProviderState['state'], number>> = {};
  const all: ProviderNow[] = [];
  const pace = paced(providersInTurn);
  for (const provider of control.active().configuration.providers) {
    const turn = pace();
    if (turn) await turn;
    const now = providerState(provider, states, unusable, nowMs);
    counts[now.state] = (counts[now.state] ?? 0) + 1;
    all.push({ provider, now });
  }
  return { all, counts };
}

/** Returns the providers that a query chooses. They are sorted once for all queries. */
function chooser(all: readonly ProviderNow[], traffic: TrafficSummary) {
  const requestsOf = ({ provider }: ProviderNow) =>
    traffic.providers.get(provider.provider_key)?.requests ?? 0;
  let sorted: readonly ProviderNow[] | null = null;
  return (query: URLSearchParams): readonly ProviderNow[] => {
    const names = query.get('provider')?.split(',');
    const limit = query.get('limit');
    const wanted = names && new Set(names);
    const isWanted = ({ provider }: ProviderNow) => wanted?.has(provider.provider_key) ?? true;
    if (limit === null) return wanted ? all.filter(isWanted) : all;
    sorted ??= [...all].sort(
      (a, b) => Number(isWell(a)) - Number(isWell(b)) || requestsOf(b) - requestsOf(a),
    );
    return (wanted ? sorted.filter(isWanted) : sorted).slice(0, Number(limit));
  };
}

function isWell({ now: { state } }: ProviderNow): boolean {
  return state === 'available' || state === 'disabled';
}

/** The newest finding of each limit of a provider over all workers, the most used first. */
function learnedLimits(states: readonly WorkerState[], nowMs: number) {
  const ofProvider = new Map<string, Map<string, LearnedLimit>>();
  for (const each of states.flatMap(({ status }) => status?.providerLimits ?? [])) {
    if (each.resetMs <= nowMs) continue;
    const newest = ofProvider.get(each.provider) ?? new Map<string, LearnedLimit>();
    ofProvider.set(each.provider, newest);
    const name = `${each.counts} ${each.model}`;
    const known = newest.get(name);
    if (!known || known.atMs < each.atMs) newest.set(name, each);
  }
  return (provider: string) =>
    [...(ofProvider.get(provider)?.values() ?? [])]
      .sort((a, b) => a.remaining / a.limit - b.remaining / b.limit)
      .slice(0, maxLimits)
      .map(({ model, counts, limit, remaining, resetMs }) => ({
        ...{ model, counts, limit, remaining },
        resets_at: new Date(resetMs).toISOString(),
      }));
}

/** Limits by the key's name, collected once per configuration: there may be 100,000 keys. */
function limitsOf(configuration: Configuration): ReadonlyMap<string, number | null> {
  const known = limits.get(configuration);
  if (known) return known;
  const all = new Map(configuration.credentials.map((key) => [key.name, key.rate_limit]));
  limits.set(configuration, all);
  return all;
}

const limits = new WeakMap<Configuration, ReadonlyMap<string, number | null>>();

/** Requests to the gateway itself are not counted. */
function inFlight({ status }: WorkerState): number {
  return Object.entries(status?.activeRequests ?? {})
    .filter(([endpoint]) => endpoint.startsWith('/v1/'))
    .reduce((sum, [, active]) => sum + active, 0);
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
