import type { RequestTarget } from '../codec.js';
import { readField, readProvider } from '../conversation/checked.js';
import { type ConversationRequest, emptyRequest } from '../conversation.js';
import { noStream } from '../embeddings/translate.js';
import type { FetchedMedia } from '../translate/remote-media.js';
import type { Seals } from '../translate/sealing.js';
import {
  readConversation,
  type TranslatedError,
  Translator,
  translateError,
} from '../translate/translator.js';
import type { TokenCountCodec } from './codec.js';

/** @throws GatewayError `invalid_request` naming the field. */
export function readCounted(
  client: TokenCountCodec,
  body: Buffer,
  model: string,
): ConversationRequest {
  const conversation = readField(() => client.unwrap(body));
  const read = readConversation(client.conversation, conversation, { model, stream: false });
  const { messages, tools, toolChoice, parallelTools, format, unknown } = read;
  // Nothing else is part of the prompt.
  const prompt = { messages, tools, toolChoice, parallelTools, format, unknown };
  return { ...emptyRequest(read.model, false), ...prompt };
}

/** From the dialect of a client that counts to that of a provider. */
export interface CountWay {
  client: TokenCountCodec;
  provider: TokenCountCodec;
  target: RequestTarget;
}

/** A request of one dialect as another says it, and the way back of its answer. */
export function translateCount(
  { client, provider, target }: CountWay,
  request: ConversationRequest,
  providerName: string,
  { key, kept }: Seals,
  media?: ReadonlyMap<string, FetchedMedia>,
) {
  const { conversation: to } = provider;
  const translator = new Translator(client.conversation, to, providerName, key, kept);
  const { body, losses } = translator.write(request, target, media);
  return { body: provider.wrap(body, target.model), losses, ...countAnswers({ client, provider }) };
}

/** The way back for the answer of a translated request. */
export function countAnswers({ client, provider }: Pick<CountWay, 'client' | 'provider'>): {
  back: null;
  answer(body: Buffer): { body: string; usage: null };
  error(body: Buffer, status: number): TranslatedError;
  stream(): never;
} {
  return {
    back: null,
    /** @throws GatewayError `upstream_failed` */
    answer(bytes) {
      const count = readProvider(() => provider.readCount(bytes));
      return { body: client.writeCount(count), usage: null };
    },
    error: (bytes, status) =>
      translateError(client.conversation, provider.conversation, bytes, status),
    stream: noStream,
  };
}
