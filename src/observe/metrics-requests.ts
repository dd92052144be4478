import type { TokenUsage } from '../dialects/usage.js';
import type { GatewayEvent } from './event.js';
import type { RequestFamilies } from './metrics-families.js';
import { admitUpTo, type LabelBounds, type Labels, unknown } from './metrics-labels.js';
import type { Count, Distribution } from './metrics-series.js';
import type { Charge, GuardrailOutcome, RequestFinished } from './request-event.js';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const maxRequestSeries = 5_000;
/** For the same labels. */
const maxFound = 16;
const maxReasons = 100;

/** Counts a finished request. */
export type CountRequest = (event: RequestFinished) => void;

/** The series of requests with the same labels. */
interface RequestSeries {
  requests: Count;
  duration: Distribution;
  labels: Labels;
  /** By result of the cache. */
  cached: Map<string, Count>;
  saved: Count | null;
  /** Series of requests that reached a provider; created by the first. */
  sent: SentSeries | null;
  streamed: StreamSeries | null;
}

/** The series for these labels, by object identity. */
interface Found {
  method: string;
  endpoint: string;
  status: number;
  series: RequestSeries;
}

interface SentSeries {
  attempts: Count;
  overhead: Distribution;
  providerLatency: Distribution;
}

interface StreamSeries {
  firstToken: Distribution;
  tokensPerSecond: Distribution;
}

export function requestCounter(families: RequestFamilies, bounds: LabelBounds): CountRequest {
  const admitReason = admitUpTo(maxReasons);
  const rateLimited = families.rateLimited.of();
  const known = new Map<string, RequestSeries>();

  const countGuardrails = guardrailCounter(families);

  /** A joined key costs more than searching the few series with the same labels. */
  const recent = new WeakMap<Labels, Found[]>();

  const seriesOf = (event: RequestFinished): RequestSeries => {
    const labels = bounds.of(event.model, event.provider);
    const { method, endpoint, status } = event;
    const found = recent.get(labels) ?? [];
    for (const each of found) {
      if (each.status === status && each.endpoint === endpoint && each.method === method) {
        return each.series;
      }
    }
    const series = lookUp(event, labels);
    if (found.length >= maxFound) found.length = 0;
    recent.set(labels, found);
    const { model, provider } = series.labels;
    // One past the bound is counted as such each time.
    if (model === labels.model && provider === labels.provider) {
      found.push({ method, endpoint, status, series });
    }
    return series;
  };

  const lookUp = (event: RequestFinished, asked: Labels): RequestSeries => {
    const method = methods.has(event.method) ? event.method : unknown;
    const status = statusLabel(event.status);
    let labels = asked;
    const key = () => `${method} ${event.endpoint} ${labels.model} ${labels.provider} ${status}`;
    const found = known.get(key());
    if (found) return found;
    if (known.size >= maxRequestSeries) {
      families.labelOverflows.of().value++;
      labels = { model: unknown, provider: unknown };
    }
    const { endpoint } = event;
    const series: RequestSeries = known.get(key()) ?? {
      requests: families.requests.of({ method, endpoint, ...labels, status_code: status }),
      duration: families.duration.of({ method, endpoint, ...labels }),
      labels,
      cached: new Map(),
      saved: null,
      sent: null,
      streamed: null,
    };
    known.set(key(), series);
    return series;
  };

  const countSent = (series: RequestSeries, event: RequestFinished): void => {
    const { attempts, endpoint } = event;
    series.sent ??= {
      attempts: families.attempts.of(series.labels),
      overhead: families.overhead.of({ endpoint }),
      providerLatency: families.providerLatency.of(series.labels),
    };
    series.sent.attempts.value += attempts;
    series.sent.overhead.observe(Math.max(0, event.totalMs - event.upstreamMs) / 1000);
    // The time of several attempts cannot be divided among their providers.
    if (attempts === 1) series.sent.providerLatency.observe(event.upstreamMs / 1000);
    else families.retries.of(series.labels).value += attempts - 1;
  };

  const countCache = (
    series: RequestSeries,
    { result, saved }: NonNullable<RequestFinished['cache']>,
  ) => {
    const {
      cached,
      labels: { model },
    } = series;
    const counted = cached.get(result) ?? families.cacheRequests.of({ model, result });
    cached.set(result, counted);
    counted.value++;
    if (saved === null) return;
    series.saved ??= families.cacheSaved.of({ model });
    series.saved.value += saved;
  };

  const countStream = (series: RequestSeries, event: RequestFinished): void => {
    const { firstTokenMs, totalMs, usage, complete } = event;
    if (firstTokenMs === null) return;
    series.streamed ??= {
      firstToken: families.firstToken.of(series.labels),
      tokensPerSecond: families.tokensPerSecond.of(series.labels),
    };
    series.streamed.firstToken.observe(firstTokenMs / 1000);
    const seconds = (totalMs - firstTokenMs) / 1000;
    if (complete && usage && seconds > 0) {
      series.streamed.tokensPerSecond.observe(usage.completionTokens / seconds);
    }
  };

  return (event) => {
    const series = seriesOf(event);
    series.requests.value++;
    series.duration.observe(event.totalMs / 1000);
    if (event.guardrails) countGuardrails(event.guardrails);
    const { error, cache } = event;
    if (cache) countCache(series, cache);
    if (error !== null) {
      families.rejected.of({ reason: admitReason(error) ? error : unknown }).value++;
      // Without a key the limit is that of an address.
      if (error === 'rate_limit_exceeded' && event.credential) rateLimited.value++;
    }
    if (event.attempts === 0) return;
    countSent(series, event);
    if (event.stream) countStream(series, event);
  };
}

const maxGuardrails = 200;

function guardrailCounter({ guardrailChecks, guardrailWait }: RequestFamilies) {
  const admitName = admitUpTo(maxGuardrails);
  return (outcomes: readonly GuardrailOutcome[]): void => {
    for (const { guardrail: name, kind, phase, verdict, took_ms } of outcomes) {
      const guardrail = admitName(name) ? name : unknown;
      guardrailChecks.of({ guardrail, kind, phase, verdict }).value++;
      if (took_ms > 0) guardrailWait.of({ guardrail }).observe(took_ms / 1000);
    }
  };
}

type TokenSeries = Record<'prompt' | 'completion' | 'total', Count>;

/** Counts the tokens of an answered request. */
export function tokenCounter({ tokens, tokensEstimated }: RequestFamilies) {
  const seriesOf = (family: RequestFamilies['tokens']) => {
    return byLabels((labels): TokenSeries => {
      const of = (token_type: string) => family.of({ ...labels, token_type });
      return { prompt: of('prompt'), completion: of('completion'), total: of('total') };
    });
  };
  const all = seriesOf(tokens);
  const estimates = seriesOf(tokensEstimated);

  return (
    labels: Labels,
    { promptTokens, completionTokens }: TokenUsage,
    estimated: boolean,
  ): void => {
    for (const series of estimated ? [all(labels), estimates(labels)] : [all(labels)]) {
      series.prompt.value += promptTokens;
      series.completion.value += completionTokens;
      series.total.value += promptTokens + completionTokens;
    }
  };
}

/** Counts what an answered request cost. */
export function costCounter({ cost, unpriced }: RequestFamilies) {
  const costs = byLabels((labels) => cost.of(labels));
  const withoutPrice = byLabels((labels) => unpriced.of(labels));
  return (labels: Labels, charge: Charge | null): void => {
    if (charge) costs(labels).value += charge.cost;
    else withoutPrice(labels).value++;
  };
}

/** Remembers what belongs to labels, which are the same object for the same names. */
function byLabels<T>(of: (labels: Labels) => T): (labels: Labels) => T {
  const known = new WeakMap<Labels, T>();
  return (labels) => {
    let found = known.get(labels);
    if (found === undefined) {
      found = of(labels);
      known.set(labels, found);
    }
    return found;
  };
}

/** Counts a copy of a request, apart from the requests of clients. */
export function copyCounter(families: RequestFamilies) {
  return ({ mirror, failed, upstreamMs, usage, cost }: GatewayEvent & { type: 'mirrored' }) => {
    families.mirrored.of({ mirror, outcome: failed ? 'failed' : 'answered' }).value++;
    families.mirrorLatency.of({ mirror }).observe(upstreamMs / 1_000);
    families.mirrorCost.of({ mirror }).value += cost ?? 0;
    if (!usage) return;
    const tokens = (token_type: string) => families.mirrorTokens.of({ mirror, token_type });
    tokens('prompt').value += usage.promptTokens;
    tokens('completion').value += usage.completionTokens;
  };
}

/** Bounds the label: a provider may answer with any number. */
function statusLabel(status: number): string {
  return status >= 100 && status <= 599 ? String(status) : unknown;
}
