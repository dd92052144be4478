import type { Codec, Loss, ProviderCodec, RequestTarget } from '../codec.js';
import type { ConversationRequest, Usage } from '../conversation.js';
import type { EmbeddingCodec } from '../embeddings/codec.js';
import { readEmbedding, translateEmbedding } from '../embeddings/translate.js';
import type { ModelRequest } from '../head.js';
import type { RerankShape } from '../rerank/codec.js';
import { readRerank, translateRerank } from '../rerank/translate.js';
import { type CountWay, readCounted, translateCount } from '../token-count/translate.js';
import { type FetchedMedia, remoteMedia } from './remote-media.js';
import type { Seals } from './sealing.js';
import type { StreamPipe } from './stream-pipe.js';
import { readConversation, type TranslatedError, Translator } from './translator.js';

/** From a client's dialect to a provider's, and back; known before any request. */
export type Way =
  | { operation: 'chat'; client: Codec; provider: ProviderCodec; target: RequestTarget }
  | ({ operation: 'token_count' } & CountWay)
  | { operation: 'embedding'; client: EmbeddingCodec; provider: EmbeddingCodec; model: string }
  | { operation: 'rerank'; client: RerankShape; provider: RerankShape; model: string };

type ReadableRequest = Pick<ModelRequest, 'body' | 'model' | 'stream'>;

/** One request as one provider is sent it, and the way back of its answer. */
export interface RequestTranslation {
  readonly body: Buffer;
  /** With the client's names of fields. */
  readonly losses: readonly Loss[];
  /**
   * A whole answer in the client's dialect; one that says that it failed comes as its error.
   * @throws GatewayError `upstream_failed` for what is no answer.
   */
  answer(body: Buffer): { body: string; usage: Usage | null } | TranslatedError;
  /** The provider's error in the client's dialect, with its text as it is. */
  error(body: Buffer, status: number): TranslatedError;
  /** @throws Error where the operation has no streams. */
  stream(): StreamPipe;
}

/** A conversation in the neutral form, once read: each attempt writes it for its own provider. */
export interface ReadOnce {
  conversation: ConversationRequest | null;
  /** Content of its media by URL, once some was fetched. */
  media?: ReadonlyMap<string, FetchedMedia>;
}

/**
 * The addresses of media whose content a provider must be given, and that were not fetched so far.
 * @throws GatewayError `invalid_request` naming the field that cannot be read.
 */
export function mediaWanted(way: Way, request: ReadableRequest, once: ReadOnce): string[] {
  if (way.operation !== 'chat' && way.operation !== 'token_count') return [];
  const provider = way.operation === 'chat' ? way.provider : way.provider.conversation;
  const wanted = remoteMedia(readOnce(way, request, once), provider);
  return wanted.filter((url) => !once.media?.has(url));
}

/** For a conversation of one turn. */
const noSeals: Seals = { key: Buffer.alloc(32), kept: null };

/** @throws GatewayError `invalid_request` naming the field that cannot be read. */
export function translateOver(
  way: Way,
  request: ReadableRequest,
  once: ReadOnce,
  providerName = '',
  seals: Seals = noSeals,
): RequestTranslation {
  const { body, model } = request;
  if (way.operation === 'embedding') {
    const read = readEmbedding(way.client, body, model);
    return translateEmbedding(way.client, way.provider, read, way.model);
  }
  if (way.operation === 'rerank') {
    return translateRerank(way.client, way.provider, readRerank(body, way.client), way.model);
  }
  const conversation = readOnce(way, request, once);
  if (way.operation === 'token_count') {
    return translateCount(way, conversation, providerName, seals, once.media);
  }
  const { client, provider, target } = way;
  const translator = new Translator(client, provider, providerName, seals.key, seals.kept);
  return translator.write(conversation, target, once.media);
}

function readOnce(
  way: Extract<Way, { operation: 'chat' | 'token_count' }>,
  { body, model, stream }: ReadableRequest,
  once: ReadOnce,
): ConversationRequest {
  once.conversation ??=
    way.operation === 'chat'
      ? readConversation(way.client, body, { model, stream })
      : readCounted(way.client, body, model);
  return once.conversation;
}
