import { readField, readProvider } from '../conversation/checked.js';
import type { ConversationError, Usage } from '../conversation.js';
import { inputUsage, noStream } from '../embeddings/translate.js';
import {
  type AskedRanking,
  type RerankAnswer,
  type RerankRequest,
  type RerankShape,
  readRerankAnswer,
  readRerankError,
  readRerankRequest,
  writeRerankAnswer,
  writeRerankError,
  writeRerankRequest,
} from './codec.js';

/** @throws GatewayError `invalid_request` naming the field. */
export function readRerank(body: Buffer, shape: RerankShape): RerankRequest {
  return readField(() => readRerankRequest(body, shape));
}

/** A request translated for another shape, and the way back for its answer. */
export function translateRerank(
  client: RerankShape,
  provider: RerankShape,
  request: RerankRequest,
  model: string,
) {
  const { documents, returnDocuments } = request;
  const kept = { ...request, documents: returnDocuments ? documents : [] };
  const written = writeRerankRequest(request, provider, model);
  return { ...written, ...rerankAnswers(client, kept) };
}

/** The way back for the answer of a translated request. */
export function rerankAnswers(
  client: RerankShape,
  back: AskedRanking,
): {
  back: AskedRanking;
  answer(body: Buffer): { answer: RerankAnswer; body: string; usage: Usage | null };
  error(body: Buffer, status: number): { error: ConversationError; status: number; body: string };
  stream(): never;
} {
  return {
    back,
    /** @throws GatewayError `upstream_failed` */
    answer(bytes) {
      const answer = readProvider(() => readRerankAnswer(bytes));
      const usage = inputUsage(answer.tokens);
      return { answer, body: writeRerankAnswer(answer, back, client), usage };
    },
    error(bytes, status) {
      const error = readRerankError(bytes, status);
      return { error, status: error.status, body: writeRerankError(error) };
    },
    stream: noStream,
  };
}
