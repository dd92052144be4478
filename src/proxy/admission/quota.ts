import { maxOutputIn } from '../../dialects/body/said.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { LimitState } from '../../dialects/limit-headers.js';
import type { TokenUsage } from '../../dialects/usage.js';
import { GatewayError } from '../../errors.js';
import type { LeasedLimiter } from '../../limits/leased-limiter.js';
import type { LimitDecision } from '../../limits/limiter.js';
import type { Release, Slots } from '../../limits/slots.js';
import { counted } from '../../observe/counted.js';
import type { UncountedText } from '../../observe/request-event.js';
import { type ConcurrencyLimit, countOf, type Quota, type Quotas } from '../../routing/quota.js';
import type { Gateway } from '../gateway.js';

/** Estimated bytes of a prompt per token. */
const bytesPerToken = 4;
/** Output reserved for a request that sets no maximum. */
const unsaidOutput = 1_024;

/** The usage and cost of a finished request. */
interface Outcome {
  usage: TokenUsage | null;
  uncounted: UncountedText | null;
  attempts: number;
  status: number;
}

interface Taken {
  quota: Quota;
  count: number;
}

/** The share of its key's and team's limits that a request holds, from admission to its end. */
export class Reservation {
  readonly #limiter: LeasedLimiter;
  readonly #taken: readonly Taken[];
  readonly #releases: readonly Release[];
  readonly #input: number;
  #isCorrected = false;

  constructor(
    limiter: LeasedLimiter,
    taken: readonly Taken[],
    releases: readonly Release[],
    input: number,
  ) {
    this.#limiter = limiter;
    this.#taken = taken;
    this.#releases = releases;
    this.#input = input;
  }

  /** The states of the limits, for the client. */
  get states(): LimitState[] {
    return this.#taken.flatMap(({ quota }) => {
      const state = this.#limiter.state(quota.key);
      return state ? [{ counts: quota.counts, limit: quota.amount, ...state }] : [];
    });
  }

  /** Corrects the tokens taken by those used, and frees the slots. */
  settle(outcome: Outcome): void {
    for (const release of this.#releases) release();
    this.correct(usedTokens(outcome, this.#input));
  }

  /** Corrects the tokens taken by those used, once. */
  correct(used: { input: number; output: number }): void {
    if (this.#isCorrected) return;
    this.#isCorrected = true;
    for (const { quota, count } of this.#taken) {
      if (quota.counts === 'requests') continue;
      const more = countOf(quota, used.input, used.output) - count;
      this.#limiter.settle(quota.key, quota.rate, quota.amount, more);
    }
  }
}

/** Tokens to reserve for a request, before its answer reports how many it used. */
export function tokensNeeded(
  request: ModelRequest,
  dialect: Dialect,
): { input: number; output: number } {
  const asked = maxOutputIn(request, dialect.said) ?? unsaidOutput;
  return {
    input: Math.ceil(request.body.length / bytesPerToken),
    output: dialect.output === 'text' ? asked : 0,
  };
}

/**
 * Takes what a request needs from all limits of its key and team, or nothing.
 * @param needed see `tokensNeeded`.
 * @param model with its prefix removed.
 * @param isKept its answer is cached: it counts as a request, and needs nothing else.
 * @throws GatewayError `rate_limit_exceeded` naming the limit, with the headers of the dialect.
 */
export async function reserve(
  { quotas: limiter, slots }: Pick<Gateway, 'quotas' | 'slots'>,
  quotas: Quotas,
  { input, output }: { input: number; output: number },
  model: string,
  dialect: Dialect,
  isKept = false,
): Promise<Reservation> {
  const limits = quotas.of(model);
  const held = isKept ? limits.filter(({ counts }) => counts === 'requests') : limits;
  const wanted = held.map((quota) => ({
    quota,
    // A request larger than the bucket passes when the bucket is full.
    count: Math.min(quota.amount, countOf(quota, input, output)),
  }));
  const decisions = await Promise.all(
    wanted.map(({ quota, count }) => limiter.take(quota.key, quota.rate, quota.amount, count)),
  );
  const taken = wanted.filter((_, index) => decisions[index]?.admitted);
  const giveBack = () => {
    for (const { quota, count } of taken) {
      limiter.settle(quota.key, quota.rate, quota.amount, -count);
    }
  };
  if (taken.length < wanted.length) {
    giveBack();
    throw overLimit(wanted, decisions, dialect);
  }
  const releases = isKept ? [] : await takeSlots(slots, quotas.concurrency, giveBack);
  return new Reservation(limiter, taken, releases, input);
}

/** A reservation of nothing, for tokens that are known to be used only now. */
export function nothingReserved(
  { quotas: limiter }: Pick<Gateway, 'quotas'>,
  quotas: Quotas,
  model: string,
): Reservation {
  const taken = quotas.of(model).map((quota) => ({ quota, count: 0 }));
  return new Reservation(limiter, taken, [], 0);
}

async function takeSlots(
  slots: Slots,
  limits: readonly ConcurrencyLimit[],
  giveBack: () => void,
): Promise<Release[]> {
  const releases: Release[] = [];
  for (const { key, owner, capacity } of limits) {
    const release = await slots.tryAcquire(key, capacity);
    if (release) {
      releases.push(release);
      continue;
    }
    for (const each of releases) each();
    giveBack();
    const message = `Concurrency limit reached for ${owner}: ${counted(capacity, 'request')} ${capacity === 1 ? 'is' : 'are'} under way.`;
    throw new GatewayError('rate_limit_exceeded', message, {
      type: 'concurrency',
      headers: { 'retry-after': '1' },
    });
  }
  return releases;
}

/** The reported usage, else an estimate from the delivered bytes. */
function usedTokens({ usage, uncounted, attempts, status }: Outcome, input: number) {
  if (usage) return { input: usage.promptTokens, output: usage.completionTokens };
  if (attempts === 0 || (status >= 400 && !uncounted)) return { input: 0, output: 0 };
  const bytes = uncounted?.answer.reduce((sum, piece) => sum + piece.length, 0) ?? 0;
  return { input, output: Math.ceil((uncounted?.answerBytes ?? bytes) / bytesPerToken) };
}

/** The refusal by the limit for which the client must wait the longest. */
function overLimit(
  wanted: readonly Taken[],
  decisions: readonly LimitDecision[],
  dialect: Dialect,
): GatewayError {
  let waitMs = -1;
  let worst = wanted[0] as Taken;
  let resetMs = 0;
  for (const [index, decision] of decisions.entries()) {
    if (decision.admitted || decision.waitMs <= waitMs) continue;
    ({ waitMs, resetMs } = decision);
    worst = wanted[index] as Taken;
  }
  const { quota, count } = worst;
  const { owner, name, amount, counts } = quota;
  const what = name.replaceAll('_', ' ');
  const ms = Math.max(1, Math.ceil(waitMs));
  const requested = counts === 'requests' ? '' : `, requested ${count}`;
  const state = { counts, limit: amount, remaining: 0, resetMs };
  return new GatewayError(
    'rate_limit_exceeded',
    `Rate limit reached for ${owner}: ${amount} ${what}${requested}. Try again in ${ms} ms.`,
    {
      type: counts === 'requests' ? 'requests' : 'tokens',
      headers: {
        'retry-after': String(Math.ceil(ms / 1000)),
        'retry-after-ms': String(ms),
        ...dialect.limitHeaders([state]),
      },
    },
  );
}
