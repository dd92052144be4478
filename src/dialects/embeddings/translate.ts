import { readField, readProvider, renamed } from '../checked.js';
import type { Loss } from '../codec.js';
import type {
  EmbeddingAnswer,
  EmbeddingCodec,
  EmbeddingDialect,
  EmbeddingRequest,
} from './codec.js';
import { bedrockCohereEmbed, cohereEmbed } from './cohere.js';
import { geminiEmbed } from './gemini.js';
import { openaiEmbeddings } from './openai.js';
import { titanEmbed } from './titan.js';

export const embeddingCodecs: Readonly<Record<EmbeddingDialect, EmbeddingCodec>> = {
  'openai.embeddings': openaiEmbeddings,
  'gemini.embed': geminiEmbed,
  'cohere.embed': cohereEmbed,
  'bedrock.titan-embed': titanEmbed,
  'bedrock.cohere-embed': bedrockCohereEmbed,
};

/** @throws GatewayError `invalid_request` naming the field. */
export function readEmbedding(
  client: EmbeddingCodec,
  body: Buffer,
  model: string,
): EmbeddingRequest {
  return readField(() => client.readRequest(body, model));
}

/** A request of one dialect as another says it, and the way back of its answer. */
export function translateEmbedding(
  client: EmbeddingCodec,
  provider: EmbeddingCodec,
  request: EmbeddingRequest,
  model: string,
): {
  body: Buffer;
  losses: Loss[];
  answer(body: Buffer): { answer: EmbeddingAnswer; body: string };
} {
  const { body, losses } = provider.writeRequest(request, model);
  return {
    body,
    losses: renamed(losses, client.fields),
    /** @throws GatewayError `upstream_failed` */
    answer(bytes) {
      const answer = readProvider(() => provider.readAnswer(bytes));
      return { answer, body: client.writeAnswer(answer, request) };
    },
  };
}
