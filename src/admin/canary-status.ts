import { type Canary, percentOf } from '../config/rows/canary.js';
import type { CanarySide, CountedSide } from '../db/queries/configuration/canaries.js';
import type { MirroredPair } from '../db/queries/requests/mirrored-pairs.js';
import {
  latencyOf,
  type Proportion,
  proportion,
  type Quantile,
  quantile,
} from '../observe/statistics.js';

/** One side of a canary, or of a mirror. Bounds hold in 95 of 100 samples. */
export interface SideStatus {
  requests: number;
  errors: number;
  /** From 0 to 1; null without requests. */
  error_rate: Proportion | null;
  /** Milliseconds until the answer began. */
  latency_p50_ms: Quantile | null;
  latency_p95_ms: Quantile | null;
}

export interface CanaryStatus
  extends Pick<Canary, 'name' | 'model' | 'to_model' | 'state' | 'step' | 'steps' | 'reason'> {
  from_provider: string;
  to_provider: string;
  /** Percentage of requests that it moves now. */
  percent: number;
  changed_at: string | null;
  max_error_percent: number | null;
  max_latency_ms: number | null;
  from: SideStatus;
  to: SideStatus;
}

/** A side of a mirror, with measures of its answers. */
export interface ComparedStatus extends SideStatus {
  first_token_p50_ms: Quantile | null;
  /** Means of the answers for which they are known; null if there are none. */
  completion_tokens: number | null;
  cost_nano: number | null;
}

export interface MirrorStatus {
  name: string;
  /** Pairs of a client's answer and a copy's. */
  pairs: number;
  client: ComparedStatus;
  copy: ComparedStatus;
  /** Mean of the webhook's scores, and their number; null if there are none. */
  score: { mean: number; count: number } | null;
}

export function canaryStatus(canary: Canary, counted: readonly CountedSide[]): CanaryStatus {
  const { name, model, to_model, state, step, steps, reason, changed_at } = canary;
  const { from_provider, to_provider, max_error_percent, max_latency_ms } = canary;
  const sideOf = (side: CanarySide) =>
    sideStatus(counted.find((each) => each.canary === name && each.side === side));
  return {
    ...{ name, model, to_model, from_provider, to_provider, state, step, steps, reason },
    ...{ changed_at, max_error_percent, max_latency_ms, percent: percentOf(canary) },
    ...{ from: sideOf('from'), to: sideOf('to') },
  };
}

function sideStatus(counted: CountedSide | undefined): SideStatus {
  const { requests = 0, errors = 0, latency = {} } = counted ?? {};
  const counts = Object.entries(latency)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .sort(([a], [b]) => a - b)
    .map(([bucket, count]) => [latencyOf(bucket), count] as const);
  return {
    requests,
    errors,
    error_rate: proportion(errors, requests),
    latency_p50_ms: quantile(counts, 0.5),
    latency_p95_ms: quantile(counts, 0.95),
  };
}

export function mirrorStatus(name: string, all: readonly MirroredPair[]): MirrorStatus {
  const pairs = all.filter(({ mirror }) => mirror === name);
  const scores = pairs.flatMap(({ client: { score } }) => score ?? []);
  const mean = meanOf(scores);
  return {
    name,
    pairs: pairs.length,
    client: comparedStatus(pairs.map(({ client }) => client)),
    copy: comparedStatus(pairs.map(({ copy }) => copy)),
    score: mean === null ? null : { mean, count: scores.length },
  };
}

function comparedStatus(answers: readonly MirroredPair['copy'][]): ComparedStatus {
  const good = answers.filter(({ failed }) => !failed);
  const of = (values: readonly (number | null)[], share: number) => {
    const known = values.filter((each): each is number => each !== null).sort((a, b) => a - b);
    return quantile(
      known.map((value) => [value, 1] as const),
      share,
    );
  };
  const errors = answers.length - good.length;
  const latencies = good.map(({ upstream_ms }) => upstream_ms);
  const firsts = good.map(({ first_token_ms }) => first_token_ms);
  return {
    requests: answers.length,
    errors,
    error_rate: proportion(errors, answers.length),
    latency_p50_ms: of(latencies, 0.5),
    latency_p95_ms: of(latencies, 0.95),
    first_token_p50_ms: of(firsts, 0.5),
    completion_tokens: meanOf(good.flatMap(({ completion_tokens }) => completion_tokens ?? [])),
    cost_nano: meanOf(good.flatMap(({ cost_nano }) => cost_nano ?? [])),
  };
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, each) => sum + each, 0) / values.length;
}
