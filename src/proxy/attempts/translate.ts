import type { ModelRequest } from '../../dialects/head.js';
import {
  checkLosses,
  type LossPolicy,
  lossHeader,
  stricter,
} from '../../dialects/translate/loss-policy.js';
import type { Seals } from '../../dialects/translate/sealing.js';
import type { StreamPipe } from '../../dialects/translate/stream-pipe.js';
import {
  type ReadOnce,
  type RequestTranslation,
  translateOver,
} from '../../dialects/translate/way.js';
import type { Candidate } from '../../routing/snapshot.js';
import type { WireTranslation } from '../../routing/wire.js';

/** One attempt's translation: the body for its provider, and the way back. */
export interface Translated {
  readonly translation: RequestTranslation;
  /** The fields that are lost, as in `x-llmproxy-lost`; null for none. */
  readonly lost: string | null;
  /** True if they are reported to the client. */
  readonly tellsLosses: boolean;
  /** The part of the answer that was translated before it was chosen; null: none. */
  begun:
    | { pipe: StreamPipe; first: Buffer }
    | { said: ReturnType<RequestTranslation['answer']> }
    | null;
}

/**
 * Translates a request into a provider's dialect.
 * @param ofKey policy of the client's key for losses; null: none.
 * @param target name of that dialect, for messages.
 * @throws GatewayError `invalid_request` naming fields that cannot be read, or cannot be expressed
 *   there.
 */
export function translateRequest(
  { request, read }: { request: ModelRequest; read: ReadOnce },
  { provider: { key } }: Candidate,
  { way, losses: ofProvider }: WireTranslation,
  ofKey: LossPolicy | null,
  target: string,
  seals: Seals,
): Translated {
  const translation = translateOver(way, request, read, key, seals);
  const losses = stricter(ofKey, ofProvider);
  checkLosses(translation.losses, losses, target);
  return {
    translation,
    lost: lossHeader(translation.losses),
    tellsLosses: losses === 'warn',
    begun: null,
  };
}
