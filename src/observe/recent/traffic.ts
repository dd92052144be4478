import type { RequestFinished } from '../request-event.js';
import {
  addDuration,
  type Durations,
  mergeDurations,
  newDurations,
  percentile,
} from './durations.js';

/** Sums over the requests of the last minute. Durations are milliseconds. */
export interface TrafficSummary extends Latency, Sum {
  /** Requests in the last whole second. */
  perSecond: number;
  /** One entry per whole second, oldest first. */
  series: { requests: number; errors: number; p95: number | null }[];
  /** By the provider that answered or failed; counts attempts rather than requests. */
  providers: ReadonlyMap<string, Sum & { perSecond: number }>;
  /** By the key's name. */
  keys: ReadonlyMap<string, Sum & { perSecond: number }>;
}

export interface Sum {
  requests: number;
  /** Counted as in usage sums; a provider's include failures that another one made up for. */
  errors: number;
  /** Refused because of the key's rate limit. */
  limited: number;
  tokens: number;
}

export interface Latency {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** Sums requests by second, in bounded memory. */
export interface Traffic {
  add(event: RequestFinished, atMs: number): void;
  addTokens(event: RequestFinished, tokens: number, atMs: number): void;
  summary(nowMs: number): TrafficSummary;
}

export const windowSeconds = 60;
/** Names counted per second; requests under further names are only in the total. */
const maxNames = 1_000;

interface Second {
  second: number;
  all: Sum;
  durations: Durations;
  providers: Map<string, Sum>;
  keys: Map<string, Sum>;
}

export function createTraffic(): Traffic {
  const seconds = Array.from({ length: windowSeconds + 1 }, () => emptySecond(0));
  const at = (ms: number): Second => {
    const second = Math.floor(ms / 1000);
    const index = second % seconds.length;
    const found = seconds[index];
    if (found?.second === second) return found;
    const fresh = emptySecond(second);
    seconds[index] = fresh;
    return fresh;
  };

  return {
    add(event, atMs) {
      const now = at(atMs);
      const failed = isError(event);
      const limited = event.error === 'rate_limit_exceeded' && event.credential !== null;
      count(now.all, failed, limited);
      addDuration(now.durations, event.totalMs);
      if (event.credential) {
        const key = sumOf(now.keys, event.credential.name);
        if (key) count(key, failed, limited);
      }
      for (const { provider, outcome, status } of event.attemptsLog ?? noAttempts) {
        const sum = sumOf(now.providers, provider);
        const own = outcome === 'answered' || (outcome === 'refused' && isClients(status));
        if (sum) count(sum, !own, false);
      }
      if (event.provider !== null && event.attemptsLog === null) {
        const sum = sumOf(now.providers, event.provider);
        if (sum) count(sum, failed, false);
      }
    },
    addTokens(event, tokens, atMs) {
      const now = at(atMs);
      now.all.tokens += tokens;
      const key = event.credential && sumOf(now.keys, event.credential.name);
      if (key) key.tokens += tokens;
      const provider = event.provider !== null && sumOf(now.providers, event.provider);
      if (provider) provider.tokens += tokens;
    },
    summary(nowMs) {
      const last = Math.floor(nowMs / 1000) - 1;
      const first = last - windowSeconds + 1;
      const durations = newDurations();
      const total = emptySum();
      const providers = new Map<string, Sum & { perSecond: number }>();
      const keys = new Map<string, Sum & { perSecond: number }>();
      const series: TrafficSummary['series'] = [];
      for (let second = first; second <= last; second++) {
        const found = seconds[second % seconds.length];
        if (found?.second !== second) {
          series.push({ requests: 0, errors: 0, p95: null });
          continue;
        }
        const { all } = found;
        addSum(total, all);
        mergeDurations(durations, found.durations);
        addNamed(providers, found.providers, second === last);
        addNamed(keys, found.keys, second === last);
        const p95 = percentile(found.durations, 0.95);
        series.push({ requests: all.requests, errors: all.errors, p95 });
      }
      return {
        ...total,
        perSecond: series.at(-1)?.requests ?? 0,
        p50: percentile(durations, 0.5),
        p95: percentile(durations, 0.95),
        p99: percentile(durations, 0.99),
        series,
        providers,
        keys,
      };
    },
  };
}

const noAttempts: NonNullable<RequestFinished['attemptsLog']> = [];

function emptySecond(second: number): Second {
  const [providers, keys] = [new Map<string, Sum>(), new Map<string, Sum>()];
  return { second, all: emptySum(), durations: newDurations(), providers, keys };
}

function emptySum(): Sum {
  return { requests: 0, errors: 0, limited: 0, tokens: 0 };
}

function count(sum: Sum, failed: boolean, limited: boolean): void {
  sum.requests++;
  if (failed) sum.errors++;
  if (limited) sum.limited++;
}

function sumOf(sums: Map<string, Sum>, name: string): Sum | null {
  const known = sums.get(name);
  if (known || sums.size >= maxNames) return known ?? null;
  const sum = emptySum();
  sums.set(name, sum);
  return sum;
}

/** True for an error that is the client's, not the provider's. */
function isClients(status: number | null): boolean {
  return status !== null && status < 500 && ![401, 402, 403, 408, 429].includes(status);
}

function addSum(into: Sum, from: Sum): void {
  into.requests += from.requests;
  into.errors += from.errors;
  into.limited += from.limited;
  into.tokens += from.tokens;
}

function addNamed(
  into: Map<string, Sum & { perSecond: number }>,
  from: ReadonlyMap<string, Sum>,
  isLast: boolean,
): void {
  for (const [name, sum] of from) {
    const known = into.get(name) ?? { ...emptySum(), perSecond: 0 };
    addSum(known, sum);
    if (isLast) known.perSecond = sum.requests;
    into.set(name, known);
  }
}

/**
 * Counts errors like sums over `request_logs`: requests with a key and a model that were answered
 * with 400 or more, or cut off, except those that the client left.
 */
function isError({ credential, model, status, error }: RequestFinished): boolean {
  if (credential === null || model === null) return false;
  return error !== null || (status >= 400 && status !== 499);
}
