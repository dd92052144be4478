import { Gauge, type Registry } from 'prom-client';
import { CounterFamily, HistogramFamily } from './metrics-series.js';

/**
 * From a cached answer to a long generation. A percentile is interpolated within a bucket, so its
 * error is at most the bucket's width: a factor of two, where most answers are.
 */
const latencyBuckets = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 5, 10, 20, 30, 60, 120, 300];
const durationBuckets = [...latencyBuckets, 600];
const firstTokenBuckets = [0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];
const speedBuckets = [1, 5, 10, 20, 50, 100, 200, 500, 1_000];
const guardrailBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1, 10];

/** Every metric that counts events; docs/monitoring.md explains each. */
export function requestFamilies(registry: Registry) {
  return {
    requests: new CounterFamily({
      name: 'llm_proxy_requests_total',
      help: 'Requests answered, by status; 499 is a client that left before the answer.',
      labelNames: ['method', 'endpoint', 'model', 'provider', 'status_code'],
      registry,
    }),
    duration: new HistogramFamily({
      name: 'llm_proxy_request_duration_seconds',
      help: 'From the head of a request to the end of its answer.',
      labelNames: ['method', 'endpoint', 'model', 'provider'],
      buckets: durationBuckets,
      registry,
    }),
    tokens: new CounterFamily({
      name: 'llm_proxy_tokens_total',
      help: 'Tokens of answered requests; token_type is prompt, completion, or total for both.',
      labelNames: ['model', 'provider', 'token_type'],
      registry,
    }),
    tokensEstimated: new CounterFamily({
      name: 'llm_proxy_tokens_estimated_total',
      help: 'The part of llm_proxy_tokens_total that the provider did not report.',
      labelNames: ['model', 'provider', 'token_type'],
      registry,
    }),
    cost: new CounterFamily({
      name: 'llm_proxy_cost_dollars_total',
      help: 'Cost of answered requests in US dollars, where the price of the model is known.',
      labelNames: ['model', 'provider'],
      registry,
      divisor: 1e9,
    }),
    unpriced: new CounterFamily({
      name: 'llm_proxy_unpriced_requests_total',
      help: 'Answered requests whose cost is unknown because the model has no price.',
      labelNames: ['model', 'provider'],
      registry,
    }),
    cacheRequests: new CounterFamily({
      name: 'llm_proxy_cache_requests_total',
      help: 'Requests of keys whose answers are cached, by result: hit, miss or bypass.',
      labelNames: ['model', 'result'],
      registry,
    }),
    cacheSaved: new CounterFamily({
      name: 'llm_proxy_cache_saved_dollars_total',
      help: 'Cost that cached answers have saved, in US dollars, where the price is known.',
      labelNames: ['model'],
      registry,
      divisor: 1e9,
    }),
    providerLatency: new HistogramFamily({
      name: 'llm_proxy_provider_latency_seconds',
      help: 'Time spent on the provider, of requests that took one attempt.',
      labelNames: ['provider'],
      buckets: latencyBuckets,
      registry,
    }),
    firstToken: new HistogramFamily({
      name: 'llm_proxy_time_to_first_token_seconds',
      help: 'From the head of a streamed request to the first content of its answer.',
      labelNames: ['model', 'provider'],
      buckets: firstTokenBuckets,
      registry,
    }),
    tokensPerSecond: new HistogramFamily({
      name: 'llm_proxy_tokens_per_second',
      help: 'Completion tokens of a complete stream, per second from its first content to its end.',
      labelNames: ['model', 'provider'],
      buckets: speedBuckets,
      registry,
    }),
    overhead: new HistogramFamily({
      name: 'llm_proxy_overhead_seconds',
      help: 'Time of a request that was not spent on a provider.',
      labelNames: ['endpoint'],
      buckets: overheadBuckets,
      registry,
    }),
    attempts: new CounterFamily({
      name: 'llm_proxy_upstream_attempts_total',
      help: 'Requests sent to providers.',
      labelNames: ['model'],
      registry,
    }),
    retries: new CounterFamily({
      name: 'llm_proxy_upstream_retries_total',
      help: 'Requests sent to another provider after one had failed.',
      labelNames: ['model'],
      registry,
    }),
    rejected: new CounterFamily({
      name: 'llm_proxy_rejected_requests_total',
      help: 'Requests that the gateway itself answered with an error, by its code.',
      labelNames: ['reason'],
      registry,
    }),
    mirrored: new CounterFamily({
      name: 'llm_proxy_mirrored_requests_total',
      help: 'Copies of requests that mirrors have sent, by outcome: answered or failed.',
      labelNames: ['mirror', 'outcome'],
      registry,
    }),
    mirrorSkipped: new CounterFamily({
      name: 'llm_proxy_mirror_skipped_total',
      help: 'Sampled requests that were not mirrored, or copies that were not scored, by reason.',
      labelNames: ['mirror', 'reason'],
      registry,
    }),
    mirrorLatency: new HistogramFamily({
      name: 'llm_proxy_mirror_latency_seconds',
      help: 'Time that copies spent on their provider.',
      labelNames: ['mirror'],
      buckets: latencyBuckets,
      registry,
    }),
    mirrorTokens: new CounterFamily({
      name: 'llm_proxy_mirror_tokens_total',
      help: 'Tokens of copies; token_type is prompt or completion.',
      labelNames: ['mirror', 'token_type'],
      registry,
    }),
    mirrorCost: new CounterFamily({
      name: 'llm_proxy_mirror_cost_dollars_total',
      help: 'Cost of copies in US dollars, where the price of the model is known.',
      labelNames: ['mirror'],
      registry,
      divisor: 1e9,
    }),
    canaryMoves: new CounterFamily({
      name: 'llm_proxy_canary_moves_total',
      help: 'Steps of canaries made by this daemon, by the state that each led to.',
      labelNames: ['canary', 'state'],
      registry,
    }),
    rateLimited: new CounterFamily({
      name: 'llm_proxy_rate_limited_requests_total',
      help: 'Requests refused because their key was over its rate limit.',
      registry,
    }),
    guardrailChecks: new CounterFamily({
      name: 'llm_proxy_guardrail_checks_total',
      help: 'Checks of requests and answers by guardrails; verdict error is one that was skipped.',
      labelNames: ['guardrail', 'kind', 'phase', 'verdict'],
      registry,
    }),
    guardrailWait: new HistogramFamily({
      name: 'llm_proxy_guardrail_wait_seconds',
      help: 'Time that requests waited for checks by webhooks and moderation models.',
      labelNames: ['guardrail'],
      buckets: guardrailBuckets,
      registry,
    }),
    wrongKeys: new CounterFamily({
      name: 'llm_proxy_wrong_keys_total',
      help: 'Requests with an unknown key, by kind: admin or client.',
      labelNames: ['kind'],
      registry,
    }),
    workerRestarts: new CounterFamily({
      name: 'llm_proxy_worker_restarts_total',
      help: 'Worker processes that ended unexpectedly and were replaced.',
      registry,
    }),
    databaseUp: new Gauge({
      name: 'llm_proxy_database_up',
      help: '1 while changes in the database are noticed, 0 while it cannot be reached.',
      registers: [registry],
    }),
    secretUnusable: new Gauge({
      name: 'llm_proxy_provider_secret_unusable',
      help: 'Always 1, for each provider that is not used because its key is unusable.',
      labelNames: ['provider'],
      registers: [registry],
    }),
    labelOverflows: new CounterFamily({
      name: 'llm_proxy_label_overflows_total',
      help: 'Requests counted under the label unknown because there were too many series.',
      registry,
    }),
  };
}

export type RequestFamilies = ReturnType<typeof requestFamilies>;
