import type { Codec, Loss, ProviderCodec, RequestTarget } from '../codec.js';
import type { ConversationRequest, Usage } from '../conversation.js';
import type { AwaitedVectors, EmbeddingCodec } from '../embeddings/codec.js';
import { embeddingAnswers, readEmbedding, translateEmbedding } from '../embeddings/translate.js';
import type { ModelRequest } from '../head.js';
import type { AskedRanking, RerankShape } from '../rerank/codec.js';
import { readRerank, rerankAnswers, translateRerank } from '../rerank/translate.js';
import {
  type CountWay,
  countAnswers,
  readCounted,
  translateCount,
} from '../token-count/translate.js';
import { type FetchedMedia, remoteMedia } from './remote-media.js';
import type { Seals } from './sealing.js';
import type { StreamPipe } from './stream-pipe.js';
import {
  type AskedConversation,
  readConversation,
  type TranslatedError,
  Translator,
} from './translator.js';

/** From a client's dialect to a provider's, and back; known before any request. */
export type Way =
  | { operation: 'chat'; client: Codec; provider: ProviderCodec; target: RequestTarget }
  | ({ operation: 'token_count' } & CountWay)
  | { operation: 'embedding'; client: EmbeddingCodec; provider: EmbeddingCodec; model: string }
  | { operation: 'rerank'; client: RerankShape; provider: RerankShape; model: string };

export type ReadableRequest = Pick<ModelRequest, 'body' | 'model' | 'stream'>;

/** The parts of a request that its answer depends on. Can be sent between threads. */
export type Back = AskedConversation | AwaitedVectors | AskedRanking | null;

/** A whole answer in the client's dialect. */
export type Said = { body: string; usage: Usage | null } | TranslatedError;

/** The way back of the answer to one request. */
export interface AnswerTranslation {
  readonly back: Back;
  /**
   * A whole answer in the client's dialect; one that says that it failed comes as its error.
   * @throws GatewayError `upstream_failed` if it cannot be read as an answer.
   */
  answer(body: Buffer): Said;
  /** The provider's error in the client's dialect, with its text as it is. */
  error(body: Buffer, status: number): TranslatedError;
  /**
   * @param requestId for the error of a stream that breaks.
   * @throws Error where the operation has no streams.
   */
  stream(requestId?: string): StreamPipe;
}

/** One request as one provider is sent it, and the way back of its answer. */
export interface RequestTranslation extends AnswerTranslation {
  readonly body: Buffer;
  /** With the client's names of fields. */
  readonly losses: readonly Loss[];
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

/**
 * The way back alone, for a request that another thread has written.
 * @param back from there.
 */
export function answersOver(
  way: Way,
  back: Back,
  providerName: string,
  { key, kept }: Seals,
): AnswerTranslation {
  // Each operation has its own kind, made by the same way.
  switch (way.operation) {
    case 'token_count':
      return countAnswers(way);
    case 'embedding':
      return embeddingAnswers(way.client, way.provider, back as AwaitedVectors);
    case 'rerank':
      return rerankAnswers(way.client, back as AskedRanking);
    case 'chat': {
      const translator = new Translator(way.client, way.provider, providerName, key, kept);
      return translator.answers(back as AskedConversation);
    }
  }
}

/** @throws GatewayError `invalid_request` naming the field that cannot be read. */
export function readOnce(
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
