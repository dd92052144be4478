import type { ModelRequest } from '../../dialects/head.js';
import {
  checkLosses,
  type LossPolicy,
  lossHeader,
  stricter,
} from '../../dialects/translate/loss-policy.js';
import type { StreamPipe } from '../../dialects/translate/stream-pipe.js';
import {
  answersOver,
  mediaWanted,
  type ReadOnce,
  type RequestTranslation,
  translateOver,
} from '../../dialects/translate/way.js';
import type { WayNames } from '../../dialects/translate/way-between.js';
import type { Candidate } from '../../routing/snapshot.js';
import type { WireTranslation } from '../../routing/wire.js';
import type { Exchange } from '../../server/exchange.js';
import { fetchMedia } from '../../upstream/fetch-media.js';
import type { Gateway } from '../gateway.js';
import { largeBytes } from '../translation/large-translations.js';

/** One attempt's translation: the body for its provider, and the way back. */
export interface Translated {
  readonly translation: RequestTranslation;
  readonly names: WayNames;
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
 * @returns a promise where the body is large or media are fetched.
 * @throws GatewayError `invalid_request` naming fields that cannot be read, or cannot be expressed
 *   there; also by the promise, which rejects with `request_too_large` and AbortedError, too.
 */
export function translateRequest(
  gateway: Gateway,
  exchange: Exchange,
  { request, read }: { request: ModelRequest; read: ReadOnce },
  { provider: { key } }: Candidate,
  { way, names, losses: ofProvider }: WireTranslation,
  ofKey: LossPolicy | null,
  target: string,
): Translated | Promise<Translated> {
  const { seals, settings, translations } = gateway;
  const { upstream } = settings;
  const fetches = upstream.fetch_media !== 'off';
  if (request.body.length >= largeBytes) return translatedInThread();
  return fetches ? withMedia() : checked(translateOver(way, request, read, key, seals));

  function checked(translation: RequestTranslation): Translated {
    const policy = stricter(ofKey, ofProvider);
    checkLosses(translation.losses, policy, target);
    return {
      translation,
      names,
      lost: lossHeader(translation.losses),
      tellsLosses: policy === 'warn',
      begun: null,
    };
  }

  async function withMedia(): Promise<Translated> {
    const wanted = mediaWanted(way, request, read);
    if (wanted.length > 0) await fetched(wanted);
    return checked(translateOver(way, request, read, key, seals));
  }

  /** All media of the request so far. */
  async function fetched(urls: readonly string[]): Promise<NonNullable<ReadOnce['media']>> {
    const wanted = urls.filter((url) => !read.media?.has(url));
    read.media = new Map([...(read.media ?? []), ...(await fetchMedia(upstream, wanted))]);
    return read.media;
  }

  async function translatedInThread(): Promise<Translated> {
    const { body, model, stream } = request;
    const asked = { names, provider: key, body, model, stream };
    const written = await translations.request(exchange, asked, fetches ? fetched : null);
    const answers = answersOver(way, written.back, key, seals);
    return checked(Object.assign(answers, written));
  }
}
