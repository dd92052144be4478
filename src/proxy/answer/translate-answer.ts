import type { ConversationError, Usage } from '../../dialects/conversation.js';
import type { Exchange } from '../../server/exchange.js';
import type { Translated } from '../attempts/translate.js';
import type { Gateway } from '../gateway.js';
import { largeBytes } from '../translation/large-translations.js';

/** A whole answer in the client's dialect. */
export type WholeAnswer = { body: string | Buffer } & (
  | { usage: Usage | null }
  | { error: ConversationError; status: number }
);

/**
 * Translates a whole answer, or the error of a provider.
 * @param provider its key.
 * @returns a promise where a large body is translated.
 * @throws GatewayError `upstream_failed` if it cannot be read; also by the promise, which rejects
 *   with AbortedError, too.
 */
export function translateAnswer(
  { translations }: Pick<Gateway, 'translations'>,
  exchange: Exchange,
  { translation, names }: Translated,
  provider: string,
  body: Buffer,
  status: number,
): WholeAnswer | Promise<WholeAnswer> {
  // An answer may repeat what its request holds.
  if (Math.max(body.length, translation.body.length) < largeBytes) {
    return status >= 400 ? translation.error(body, status) : translation.answer(body);
  }
  const { back } = translation;
  return translations
    .answer(exchange, { names, provider, body, status, back })
    .then(({ body, usage, error }) => (error ? { body, ...error } : { body, usage }));
}
