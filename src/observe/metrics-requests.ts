import type { RequestFinished, TokenUsage } from './event.js';
import type { RequestFamilies } from './metrics-families.js';
import { admitUpTo, type LabelBounds, type Labels, unknown } from './metrics-labels.js';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const maxRequestSeries = 5_000;
const maxReasons = 100;

/** Counts a finished request. */
export type CountRequest = (event: RequestFinished) => void;

export function requestCounter(families: RequestFamilies, bounds: LabelBounds): CountRequest {
  const admitSeries = admitUpTo(maxRequestSeries);
  const admitReason = admitUpTo(maxReasons);

  return (event) => {
    const { endpoint, error, attempts } = event;
    const method = methods.has(event.method) ? event.method : unknown;
    const status = statusLabel(event.status);
    let { model, provider } = bounds.of(event.model, event.provider);
    if (!admitSeries(`${method} ${endpoint} ${model} ${provider} ${status}`)) {
      families.labelOverflows.inc();
      model = unknown;
      provider = unknown;
    }
    families.requests.inc({ method, endpoint, model, provider, status_code: status });
    families.duration.observe({ method, endpoint, model, provider }, event.totalMs / 1000);
    if (error !== null) {
      families.rejected.inc({ reason: admitReason(error) ? error : unknown });
      if (error === 'rate_limit_exceeded') families.rateLimited.inc();
    }
    if (attempts === 0) return;
    families.attempts.inc({ model }, attempts);
    if (attempts > 1) families.retries.inc({ model }, attempts - 1);
    const overheadMs = Math.max(0, event.totalMs - event.upstreamMs);
    families.overhead.observe({ endpoint }, overheadMs / 1000);
    // Of several attempts, the time cannot be told apart by provider.
    if (attempts === 1) families.providerLatency.observe({ provider }, event.upstreamMs / 1000);
    if (event.stream) countStream(families, event, { model, provider });
  };
}

/** Counts the tokens of an answered request. */
export function countTokens(
  { tokens, tokensEstimated }: RequestFamilies,
  labels: Labels,
  { promptTokens, completionTokens }: TokenUsage,
  estimated: boolean,
): void {
  const total = promptTokens + completionTokens;
  for (const family of estimated ? [tokens, tokensEstimated] : [tokens]) {
    family.inc({ ...labels, token_type: 'prompt' }, promptTokens);
    family.inc({ ...labels, token_type: 'completion' }, completionTokens);
    family.inc({ ...labels, token_type: 'total' }, total);
  }
}

function countStream(
  { firstToken, tokensPerSecond }: RequestFamilies,
  { firstTokenMs, totalMs, usage, complete }: RequestFinished,
  labels: Labels,
): void {
  if (firstTokenMs === null) return;
  firstToken.observe({ ...labels }, firstTokenMs / 1000);
  const seconds = (totalMs - firstTokenMs) / 1000;
  if (complete && usage && seconds > 0) {
    tokensPerSecond.observe({ ...labels }, usage.completionTokens / seconds);
  }
}

/** A provider may answer with any number. */
function statusLabel(status: number): string {
  return status >= 100 && status <= 599 ? String(status) : unknown;
}
