import type { StrategyName } from '../config/settings/settings-types.js';

/** Numbers of requests whose outcome the replay could not decide. */
export interface Uncertain {
  /** Needed more than one attempt. */
  retried: number;
  /** At endpoints without routes by model, such as files and sockets. */
  elsewhere: number;
  /** Refused for the request's content, or for lack of capacity. */
  otherwiseRefused: number;
  /** Subject to limits or budgets, but without known tokens. */
  estimated: number;
  /** Answered from the cache. */
  cached: number;
  /** Refused originally, and admitted under the plan. */
  admitted: number;
}

interface Known extends Uncertain {
  unlisted: number;
  strategy: StrategyName;
  withoutHistory: readonly string[];
  hasBudgets: boolean;
}

/** Unknowns of a replay, in sentences; general ones come last. */
export function unknowns(known: Known): string[] {
  const { retried, elsewhere, otherwiseRefused, estimated, cached, admitted, unlisted } = known;
  const { withoutHistory, strategy, hasBudgets } = known;
  const looksAtLoad = strategy === 'latency' || strategy === 'least_busy';
  const sentences: (string | false)[] = [
    withoutHistory.length > 0 &&
      `How fast and how reliable ${withoutHistory.join(', ')} would be: no request of the period was answered there${strategy === 'latency' ? ', so the mean latency of all providers stands in' : ''}.`,
    looksAtLoad &&
      `The exact choices of the strategy ${strategy}: mean latencies and stored durations stand in for the load of each moment.`,
    retried > 0 &&
      `Failures, retries and fallback after errors: all providers count as healthy, though ${requests(retried)} needed more than one attempt.`,
    retried === 0 && 'Failures, retries and fallback after errors: all providers count as healthy.',
    admitted > 0 &&
      `The cost and duration of ${requests(admitted)} that would be admitted and were refused.`,
    estimated > 0 &&
      `What ${requests(estimated)} had asked of their limits: the tokens used, or the mean of their model, stand in.`,
    hasBudgets &&
      'The most that requests could have cost where no hard budget asked for it: their cost stands in.',
    elsewhere > 0 &&
      `The routes of ${requests(elsewhere)} for files, batches, sessions and the like, which go where something was made.`,
    cached > 0 &&
      `Whether ${requests(cached)} that the cache answered would be answered by it again.`,
    otherwiseRefused > 0 &&
      `The fate of ${requests(otherwiseRefused)} that were refused for what they said, or because the gateway was full.`,
    unlisted > 0 &&
      `The teams and models of ${requests(unlisted)}: only the first 1,000 pairs are told apart.`,
    'Requests refused before their model was read, by authentication or a rate_limit: they have no row.',
    'Prompts and answers are not read: content policies, guardrails, context windows, losses of translation, and how many tokens another model would use.',
    'The levels of limits before the period: they begin full.',
  ];
  return sentences.filter((each): each is string => each !== false);
}

function requests(count: number): string {
  return count === 1 ? '1 request' : `${count.toLocaleString('en')} requests`;
}
