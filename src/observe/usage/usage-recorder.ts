import { type TokenUsage, withToolUse } from '../../dialects/usage.js';
import type { Emit } from '../event.js';
import type { Charge, RequestFinished } from '../request-event.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';
import type { UsageQueue } from './usage-queue.js';
import { type UsageSource, usageRow } from './usage-row.js';

export interface UsageRecorder {
  /** Takes a finished request, and counts its tokens where the provider reported none. */
  record(event: RequestFinished): void;
  /** Waits for counts under way, then for rows to be stored; each for at most `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/**
 * Charges a request.
 * @returns null where no price is known; undefined where no provider answered.
 */
export type ChargeFor = (
  event: RequestFinished,
  usage: TokenUsage | null,
) => Charge | null | undefined;

/** Called once for each finished request, with what it is charged. */
export type Settle = (
  event: RequestFinished,
  charge: Charge | null | undefined,
  usage: TokenUsage | null,
) => void;

/**
 * Turns finished requests into rows of `request_logs`, and emits a `usage_counted` event for each
 * one whose tokens are known, then a `request_charged` event for each one that a provider answered.
 */
export function createUsageRecorder(
  queue: Pick<UsageQueue, 'add' | 'close'>,
  tokenizer: Pick<Tokenizer, 'count' | 'close'>,
  chargeFor: ChargeFor,
  emit: Emit,
  settle: Settle = () => {},
  daemon: string | null = null,
): UsageRecorder {
  const counting = new Set<Promise<void>>();

  const finish = (
    event: RequestFinished,
    usage: TokenUsage | null,
    source: UsageSource | null,
  ): void => {
    const charge = chargeFor(event, usage);
    settle(event, charge, usage);
    const row = usageRow(event, usage, source, charge ?? null, daemon);
    if (row) queue.add(row);
    const { requestId, model, provider, mirror } = event;
    if (mirror) {
      const failed = event.status >= 400 || event.error !== null;
      const cost = charge?.cost ?? null;
      const { upstreamMs } = event;
      emit({ type: 'mirrored', mirror: mirror.mirror, failed, upstreamMs, usage, cost });
      return;
    }
    if (usage && source) {
      emit({ type: 'usage_counted', requestId, model, provider, usage, source });
    }
    if (charge !== undefined) emit({ type: 'request_charged', requestId, model, provider, charge });
  };

  return {
    record(event) {
      const { usage, uncounted } = event;
      if (usage) finish(event, usage, 'provider');
      else if (uncounted) {
        const counted = tokenizer
          .count(uncounted, event.modelSent ?? event.model ?? '')
          .then((estimate) => withToolUse(estimate, uncounted.tools ?? null))
          .then((usage) => finish(event, usage, 'estimated'))
          .finally(() => counting.delete(counted));
        counting.add(counted);
      } else finish(event, null, null);
    },
    async close(deadlineMs) {
      let timer: NodeJS.Timeout | undefined;
      const expiry = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      });
      await Promise.race([Promise.allSettled(counting), expiry]);
      clearTimeout(timer);
      await tokenizer.close();
      await Promise.allSettled(counting);
      await queue.close(deadlineMs);
    },
  };
}

/** The event without texts and bodies, which only the tokenizer and the row may see. */
export function withoutText<E extends RequestFinished>(event: E): E {
  if (event.uncounted === null && event.bodies === null) return event;
  return { ...event, uncounted: null, bodies: null };
}
