import { readField, readProvider, renamed } from '../conversation/checked.js';
import { WrongField } from '../conversation/read.js';
import type { ConversationError, Usage } from '../conversation.js';
import { noClasses } from '../usage.js';
import type {
  AwaitedVectors,
  EmbeddingAnswer,
  EmbeddingCodec,
  EmbeddingDialect,
  EmbeddingRequest,
} from './codec.js';
import { bedrockCohereEmbed, cohereEmbed } from './cohere.js';
import { geminiEmbed } from './gemini.js';
import { openaiEmbeddings } from './openai.js';
import { titanEmbed } from './titan.js';
import { vertexEmbed, vertexPredict } from './vertex.js';

export const embeddingCodecs: Readonly<Record<EmbeddingDialect, EmbeddingCodec>> = {
  'openai.embeddings': openaiEmbeddings,
  'gemini.embed': geminiEmbed,
  'cohere.embed': cohereEmbed,
  'vertex.predict': vertexPredict,
  'vertex.embed': vertexEmbed,
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

/** A request translated for another dialect, and the way back for its answer. */
export function translateEmbedding(
  client: EmbeddingCodec,
  provider: EmbeddingCodec,
  request: EmbeddingRequest,
  model: string,
) {
  const { body, losses } = provider.writeRequest(request, model);
  const { model: asked, single, base64 } = request;
  const back: AwaitedVectors = { model: asked, single, base64, count: request.inputs.length };
  return {
    body,
    losses: renamed(losses, client.fields),
    ...embeddingAnswers(client, provider, back),
  };
}

/** The way back for the answer of a translated request. */
export function embeddingAnswers(
  client: EmbeddingCodec,
  provider: EmbeddingCodec,
  back: AwaitedVectors,
): {
  back: AwaitedVectors;
  answer(body: Buffer): { answer: EmbeddingAnswer; body: string; usage: Usage | null };
  error(body: Buffer, status: number): { error: ConversationError; status: number; body: string };
  stream(): never;
} {
  return {
    back,
    /** @throws GatewayError `upstream_failed` */
    answer(bytes) {
      const answer = readProvider(() => {
        const read = provider.readAnswer(bytes);
        if (read.vectors.length >= back.count) return read;
        throw new WrongField('', `has ${read.vectors.length} vectors for ${back.count} inputs`);
      });
      const usage = inputUsage(answer.tokens);
      return { answer, body: client.writeAnswer(answer, back), usage };
    },
    error(bytes, status) {
      const error = provider.readError(bytes, status);
      return { error, status: error.status, body: client.writeError(error) };
    },
    stream: noStream,
  };
}

/** The usage of an operation without output tokens; null when not reported. */
export function inputUsage(tokens: number | null): Usage | null {
  if (tokens === null) return null;
  return { ...noClasses, input: tokens };
}

export function noStream(): never {
  throw new Error('this operation has no streams');
}
