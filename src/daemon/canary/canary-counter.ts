import type { Configuration, Provider } from '../../config/configuration.js';
import type { Canary } from '../../config/rows/canary.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { CanarySide, CountedSide } from '../../db/queries/configuration/canaries.js';
import type { RequestFinished } from '../../observe/request-event.js';
import { latencyBucket } from '../../observe/statistics.js';
import { isOfCanary } from '../../routing/canaries.js';
import { compileModelMapping, type ModelMapping } from '../../routing/model-mapping.js';
import { modelMeant } from '../../routing/model-order.js';
import { isProviderError, outcomeOfFailure, outcomeOfStatus } from '../../upstream/outcome.js';

/** The part of an attempt that canaries are judged by. */
interface Judged {
  provider: string;
  model: string;
  failed: boolean;
  /** Its provider blamed the client. */
  refused: boolean;
  /** Until the answer began. */
  tookMs: number;
}

interface Followed {
  canary: Canary;
  /** Counts of the provider that requests move to. */
  mapping: ModelMapping;
}

/**
 * Counts the outcomes of requests of running canaries by attempt: a failure counts even if another
 * provider made up for it.
 */
export class CanaryCounter {
  readonly #routing: Settings['routing'];
  #followed: readonly Followed[] = [];
  #counted = new Map<string, CountedSide>();

  constructor(routing: Settings['routing']) {
    this.#routing = routing;
  }

  configured({ canaries = [], providers }: Pick<Configuration, 'canaries' | 'providers'>): void {
    this.#followed = canaries.flatMap((canary) => {
      const to = providers.find(({ provider_key }) => provider_key === canary.to_provider);
      if (canary.state !== 'running' || !to) return [];
      return { canary, mapping: compileModelMapping((to satisfies Provider).model_mapping) };
    });
  }

  record(event: RequestFinished): void {
    if (this.#followed.length === 0 || event.model === null || event.attempts === 0) return;
    if (event.mirror) return;
    const model = modelMeant(event.model, this.#routing);
    for (const { canary, mapping } of this.#followed) {
      if (!isOfCanary(canary, model)) continue;
      const moved = mapping(canary.to_model ?? model);
      for (const attempt of attemptsOf(event)) {
        const side = sideOf(canary, moved, attempt);
        if (side) this.#count(canary, side, attempt);
      }
    }
  }

  /** Counts since the last call. */
  take(): CountedSide[] {
    const counted = [...this.#counted.values()];
    this.#counted = new Map();
    return counted;
  }

  /** Restores counts that could not be stored. */
  putBack(counted: readonly CountedSide[]): void {
    for (const { canary, side, latency, ...counts } of counted) {
      const known = this.#of(canary, side);
      known.requests += counts.requests;
      known.errors += counts.errors;
      known.slow += counts.slow;
      known.refused += counts.refused;
      for (const [bucket, count] of Object.entries(latency)) {
        known.latency[bucket] = (known.latency[bucket] ?? 0) + count;
      }
    }
  }

  #count(
    { name, max_latency_ms }: Canary,
    side: CanarySide,
    { failed, refused, tookMs }: Judged,
  ): void {
    const counts = this.#of(name, side);
    counts.requests++;
    if (refused) counts.refused++;
    if (failed) {
      counts.errors++;
      return;
    }
    if (max_latency_ms !== null && tookMs > max_latency_ms) counts.slow++;
    const bucket = latencyBucket(tookMs);
    counts.latency[bucket] = (counts.latency[bucket] ?? 0) + 1;
  }

  #of(canary: string, side: CanarySide): CountedSide {
    const name = `${side} ${canary}`;
    let counts = this.#counted.get(name);
    if (!counts) {
      counts = { canary, side, requests: 0, errors: 0, slow: 0, refused: 0, latency: {} };
      this.#counted.set(name, counts);
    }
    return counts;
  }
}

function sideOf(canary: Canary, moved: string | null, { provider, model }: Judged) {
  const isMoved = canary.to_model === null || model === moved;
  if (provider === canary.to_provider && isMoved) return 'to';
  return provider === canary.from_provider ? 'from' : null;
}

/** The attempts that say something about their provider. */
function attemptsOf(event: RequestFinished): Judged[] {
  const { provider, modelSent, attemptsLog, status, error } = event;
  // A stream that broke was an answer when its attempt was logged.
  const isClients = status >= 400 && status < 500;
  const isCut = !isClients && isProviderError(error);
  if (attemptsLog === null) {
    if (provider === null || modelSent === null || status === 499) return [];
    const tookMs = Math.min(event.firstTokenMs ?? event.upstreamMs, event.upstreamMs);
    const refused = isClients && error === 'provider_error';
    return [{ provider, model: modelSent, failed: isCut, refused, tookMs }];
  }
  return attemptsLog.flatMap(({ provider, model, outcome, status: answered, tookMs }, index) => {
    const isLast = index === attemptsLog.length - 1;
    if (outcome === 'answered') {
      return { provider, model, failed: isLast && isCut, refused: false, tookMs };
    }
    const found =
      outcome === 'refused' ? outcomeOfStatus(answered ?? 0) : outcomeOfFailure(outcome);
    // A client's mistake, or its leaving, is not the provider's failure.
    if (outcome !== 'refused' && !found?.retry) return [];
    const failed = found?.retry ?? false;
    return { provider, model, failed, refused: !failed, tookMs };
  });
}
