import type { IncomingHttpHeaders } from 'node:http';
import type { LearnedLimit } from '../observe/gateway-state.js';
import { retryAfterMs } from './retry-after.js';

/** The units that providers limit. */
type Counts = 'requests' | 'tokens' | 'input' | 'output';

/** A limit as a provider last described it; times are wall clock, milliseconds. */
interface Limit {
  counts: Counts;
  limit: number;
  remaining: number;
  atMs: number;
  /** All is there again. */
  resetMs: number;
  /** True: nothing returns before that time; false: it returns evenly. True is the stricter. */
  isFixed: boolean;
}

/** A limit as described by one answer, with the precision of its time. */
interface Said extends Omit<Limit, 'isFixed'> {
  resolutionMs: number;
}

interface Known extends Limit {
  /** Amount sent by the time of `atMs`. */
  base: number;
  /** The limit's state when `nature` began to observe its end. */
  from: Pick<Limit, 'remaining' | 'resetMs'>;
}

/** A worker's findings about a provider's model, for the other workers. */
export interface LearnedLimits {
  provider: string;
  model: string;
  limits: Limit[];
  /** End of a pause that a refusal asked for. */
  blockedUntilMs: number;
}

/** Everything sent to a model so far, in each unit. */
type Sums = Record<Counts, number>;

interface Scope {
  provider: string;
  model: string;
  limits: Map<Counts, Known>;
  blockedUntilMs: number;
  sent: Sums;
  isUntold: boolean;
}

/** Everything sent up to and including a request; null: no limit was known at that time. */
export type Mark = Readonly<Sums> | null;

const tellEveryMs = 100;
/** Minimum duration of a limit after it was renewed, until an answer describes it. */
const leastResetMs = 1_000;
/** Precision of times given in fractions of a second, and in whole seconds. */
const exactMs = 50;
const wholeSecondMs = 1_000;
/** More scopes than this can only stem from model names made up by clients. */
const maxScopes = 1_000;

const headers: readonly [Counts, string, string, string][] = [
  ...(['requests', 'tokens'] as const).map((counts): [Counts, string, string, string] => [
    counts,
    `x-ratelimit-limit-${counts}`,
    `x-ratelimit-remaining-${counts}`,
    `x-ratelimit-reset-${counts}`,
  ]),
  ['requests', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
  ...(['requests', 'tokens', 'input', 'output'] as const).map(
    (counts): [Counts, string, string, string] => {
      const name = counts === 'input' || counts === 'output' ? `${counts}-tokens` : counts;
      const of = `anthropic-ratelimit-${name}`;
      return [counts, `${of}-limit`, `${of}-remaining`, `${of}-reset`];
    },
  ),
];

/**
 * Providers' limits by model, learned from their answers, so that requests are sent elsewhere, or
 * wait, instead of being refused. A worker counts what it has sent since; it shares its findings
 * with the others, and each takes its share of the rest.
 */
export class ProviderLimits {
  /** Number of workers of all daemons; each takes an equal share. */
  workers: number;
  readonly #tell: (learned: LearnedLimits[]) => void;
  readonly #scopes = new Map<string, Scope>();
  #timer: NodeJS.Timeout | null = null;

  /** @param tell receives findings for other workers, at most about ten times a second. */
  constructor(workers = 1, tell: (learned: LearnedLimits[]) => void = () => {}) {
    this.workers = workers;
    this.#tell = tell;
  }

  /**
   * Milliseconds until a request of this many tokens would be accepted; 0: now, as far as known.
   */
  waitMs(provider: string, model: string, tokens: number, nowMs: number): number {
    if (this.#scopes.size === 0) return 0;
    const scope = this.#scopes.get(keyOf(provider, model));
    if (!scope) return 0;
    let waitMs = Math.max(0, scope.blockedUntilMs - nowMs);
    for (const limit of scope.limits.values()) {
      const needed = limit.counts === 'tokens' || limit.counts === 'input' ? tokens : 1;
      waitMs = Math.max(waitMs, this.#waitFor(limit, scope.sent[limit.counts], needed, nowMs));
    }
    return waitMs;
  }

  /** Counts a request about to be sent. */
  sent(provider: string, model: string, tokens: number): Mark {
    if (this.#scopes.size === 0) return null;
    const scope = this.#scopes.get(keyOf(provider, model));
    if (!scope) return null;
    const { sent } = scope;
    sent.requests++;
    sent.tokens += tokens;
    sent.input += tokens;
    sent.output++;
    return { ...sent };
  }

  /** Learns from the answer to a request. @param mark of that request. */
  learn(
    provider: string,
    model: string,
    answer: { status: number; headers: IncomingHttpHeaders },
    mark: Mark,
    nowMs: number,
  ): void {
    const limits = limitsIn(answer.headers, nowMs);
    const blockedMs = answer.status === 429 ? retryAfterMs(answer.headers) : null;
    if (limits.length === 0 && blockedMs === null) return;
    const scope = this.#scope(provider, model);
    if (blockedMs !== null) scope.blockedUntilMs = nowMs + blockedMs;
    for (const said of limits) {
      const { counts, limit, remaining, atMs, resetMs } = said;
      // Requests sent after that one may not be included yet.
      const base = mark?.[counts] ?? scope.sent[counts];
      const known = scope.limits.get(counts);
      // Answers to earlier requests may arrive after those to later ones.
      if (known && base < known.base && nowMs < known.resetMs) continue;
      const { isFixed, from } = known ? nature(known, said) : { isFixed: true, from: said };
      scope.limits.set(counts, { counts, limit, remaining, atMs, resetMs, isFixed, from, base });
    }
    this.#tellSoon(scope);
  }

  /** The limits that have not ended, for people. */
  known(nowMs: number): LearnedLimit[] {
    return [...this.#scopes.values()].flatMap(({ provider, model, limits, sent }) =>
      [...limits.values()].flatMap(({ counts, limit, remaining, atMs, resetMs, base }) => {
        const left = Math.max(0, remaining - (sent[counts] - base));
        return resetMs <= nowMs
          ? []
          : { provider, model, counts, limit, remaining: left, atMs, resetMs };
      }),
    );
  }

  /** Adopts another worker's findings. */
  learned({ provider, model, limits, blockedUntilMs }: LearnedLimits): void {
    const scope = this.#scope(provider, model);
    scope.blockedUntilMs = Math.max(scope.blockedUntilMs, blockedUntilMs);
    for (const limit of limits) {
      const known = scope.limits.get(limit.counts);
      if (known && known.atMs >= limit.atMs) continue;
      scope.limits.set(limit.counts, { ...limit, base: scope.sent[limit.counts], from: limit });
    }
  }

  #waitFor(known: Known, sent: number, needed: number, nowMs: number): number {
    if (nowMs >= known.resetMs) renew(known, sent, nowMs);
    const { limit, remaining, atMs, resetMs, isFixed, base } = known;
    const most = limit / this.workers;
    const rate = isFixed ? 0 : (limit - remaining) / Math.max(1, resetMs - atMs) / this.workers;
    const there = Math.min(most, remaining / this.workers + rate * (nowMs - atMs)) - (sent - base);
    // A request larger than the limit is sent once the limit is full.
    const missing = Math.min(needed, Math.max(1, Math.floor(most))) - there;
    if (missing <= 1e-9) return 0;
    return Math.min(rate === 0 ? Number.POSITIVE_INFINITY : missing / rate, resetMs - nowMs);
  }

  #scope(provider: string, model: string): Scope {
    const key = keyOf(provider, model);
    let scope = this.#scopes.get(key);
    if (!scope) {
      if (this.#scopes.size >= maxScopes) this.#scopes.clear();
      const sent = { requests: 0, tokens: 0, input: 0, output: 0 };
      const nothing = { limits: new Map(), blockedUntilMs: 0, isUntold: false };
      scope = { provider, model, sent, ...nothing };
      this.#scopes.set(key, scope);
    }
    return scope;
  }

  #tellSoon(scope: Scope): void {
    if (this.workers === 1) return;
    scope.isUntold = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const told: LearnedLimits[] = [];
      for (const each of this.#scopes.values()) {
        if (!each.isUntold) continue;
        each.isUntold = false;
        const { provider, model, blockedUntilMs } = each;
        const limits = [...each.limits.values()].map(({ base, from, ...limit }) => limit);
        told.push({ provider, model, limits, blockedUntilMs });
      }
      this.#tell(told);
    }, tellEveryMs).unref();
  }
}

/** Refills the limit; its duration is unknown until the next answer. */
function renew(known: Known, sent: number, nowMs: number): void {
  const lastedMs = Math.max(leastResetMs, known.resetMs - known.atMs);
  known.remaining = known.limit;
  known.base = sent;
  known.atMs = nowMs;
  known.resetMs = nowMs + lastedMs;
  known.from = { remaining: known.limit, resetMs: known.resetMs };
}

/**
 * Finds out whether a limit returns all at once: then its end stays in place during use. Otherwise
 * its end moves away with each use. Undecided until it must have moved visibly.
 */
function nature(known: Known, next: Said): Pick<Known, 'isFixed' | 'from'> {
  const { from, isFixed } = known;
  const used = from.remaining - next.remaining;
  if (used < 0 || next.atMs >= known.resetMs) return { isFixed, from: next };
  const each = (next.resetMs - next.atMs) / Math.max(1, next.limit - next.remaining);
  const expectedMs = used * each;
  if (expectedMs < 2 * next.resolutionMs) return { isFixed, from };
  return { isFixed: Math.abs(next.resetMs - from.resetMs) < expectedMs / 2, from: next };
}

function limitsIn(answer: IncomingHttpHeaders, nowMs: number): Said[] {
  const found: Said[] = [];
  for (const [counts, limitName, remainingName, resetName] of headers) {
    if (answer[remainingName] === undefined) continue;
    const remaining = Number(answer[remainingName]);
    const size = Number(answer[limitName]);
    const reset = String(answer[resetName] ?? '');
    const resetMs = resetTime(reset, nowMs);
    // Without size and end, the remaining amount is not enough to decide on waiting.
    if (!(remaining >= 0 && size > 0) || resetMs === null) continue;
    const limit = Math.max(remaining, size);
    const resolutionMs = /\.|ms/.test(reset) ? exactMs : wholeSecondMs;
    found.push({ counts, limit, remaining, atMs: nowMs, resetMs, resolutionMs });
  }
  return found;
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** A duration such as `6m0.5s`, a number of seconds, seconds of the epoch, or a date; else null. */
export function resetTime(text: string, nowMs: number): number | null {
  const number = Number(text);
  if (text !== '' && number >= 0) {
    if (number > 1e12) return number;
    return number > 1e9 ? number * 1_000 : nowMs + number * 1_000;
  }
  if (/^(?:\d+(?:\.\d+)?(?:ms|[hms]))+$/.test(text)) {
    let durationMs = 0;
    for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)) {
      durationMs += Number(count) * (units[unit] ?? 0);
    }
    return nowMs + durationMs;
  }
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : date;
}

function keyOf(provider: string, model: string): string {
  return `${provider}\0${model}`;
}
