import type { ConversationRequest } from '../dialects/conversation.js';
import type { ModelRequest } from '../dialects/head.js';
import { checkLosses, lossHeader } from '../dialects/translate/loss-policy.js';
import type { Seals } from '../dialects/translate/sealing.js';
import {
  readConversation,
  type Translation,
  Translator,
} from '../dialects/translate/translator.js';
import type { Candidate } from '../routing/snapshot.js';
import type { WireTranslation } from '../routing/wire.js';

/** One attempt's translation: the body that its provider is sent, and the way back. */
export interface Translated {
  readonly translator: Translator;
  readonly translation: Translation;
  /** The fields that are lost, as in `x-llmproxy-lost`; null for none. */
  readonly lost: string | null;
  /** Whether the client is told of them. */
  readonly tellsLosses: boolean;
}

/** A request in the neutral form, once read: each attempt writes it for its own provider. */
export interface ReadOnce {
  conversation: ConversationRequest | null;
}

/**
 * Says a request in a provider's dialect.
 * @throws GatewayError `invalid_request` naming the fields that cannot be read, or be said there.
 */
export function translateRequest(
  { request, read }: { request: ModelRequest; read: ReadOnce },
  { provider: { key } }: Candidate,
  { client, provider, target, losses }: WireTranslation,
  seals: Seals,
): Translated {
  const { body, model, stream } = request;
  read.conversation ??= readConversation(client, body, { model, stream });
  const translator = new Translator(client, provider, key, seals.key, seals.kept);
  const translation = translator.write(read.conversation, target);
  checkLosses(translation.losses, losses, provider.dialect);
  return {
    translator,
    translation,
    lost: lossHeader(translation.losses),
    tellsLosses: losses === 'warn',
  };
}
