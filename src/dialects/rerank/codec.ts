import { Losses } from '../conversation/losses.js';
import {
  asList,
  asObject,
  countAt,
  flagAt,
  isObject,
  needText,
  numberAt,
  objectAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import { mintedId } from '../conversation/tool-ids.js';
import type { ConversationError, JsonObject } from '../conversation.js';
import { unknownFields } from '../embeddings/inputs.js';
import { errorObject, plainError, wordAt } from '../errors/conversation-error.js';
import { writeOpenaiError } from '../openai/shared.js';

/**
 * Ranking documents by a query. All servers accept Cohere's shape; answers of `cohere` version 2
 * contain no documents, of `jina` optionally, of `vllm` always, and usage has different names.
 */
export type RerankShape = 'cohere' | 'jina' | 'vllm';

export interface RerankRequest {
  model: string;
  query: string;
  documents: readonly string[];
  topN: number | null;
  returnDocuments: boolean;
  maxTokensPerDocument: number | null;
  unknown: readonly string[];
}

/** The parts of a request that its answer depends on. */
export type AskedRanking = Pick<RerankRequest, 'model' | 'documents' | 'topN' | 'returnDocuments'>;

export interface RerankAnswer {
  /** Best first. */
  results: readonly { index: number; score: number }[];
  tokens: number | null;
  /** Cohere's unit of billing. */
  searchUnits: number | null;
}

const known =
  /^(model|query|documents|top_n|return_documents|max_tokens_per_doc|truncate|rank_fields)$/;

/** @throws WrongField */
export function readRerankRequest(bytes: Buffer, shape: RerankShape): RerankRequest {
  const body = parseBody(bytes);
  const documents = asList(body.documents, 'documents').map((value, i) => {
    if (typeof value === 'string') return value;
    const at = `documents[${i}]`;
    return needText(asObject(value, at), 'text', at);
  });
  if (documents.length === 0) throw new WrongField('documents', 'must not be empty');
  return {
    model: textAt(body, 'model', '') ?? '',
    query: needText(body, 'query', ''),
    documents,
    topN: numberAt(body, 'top_n', ''),
    returnDocuments: flagAt(body, 'return_documents', '') ?? shape !== 'cohere',
    maxTokensPerDocument: numberAt(body, 'max_tokens_per_doc', ''),
    unknown: unknownFields(body, known),
  };
}

export function writeRerankRequest(request: RerankRequest, shape: RerankShape, model: string) {
  const losses = new Losses();
  const body: JsonObject = { model, query: request.query, documents: request.documents };
  if (request.topN !== null) body.top_n = request.topN;
  // Documents are put back from the client's own request.
  if (shape === 'jina') body.return_documents = false;
  if (request.maxTokensPerDocument !== null) {
    if (shape === 'cohere') body.max_tokens_per_doc = request.maxTokensPerDocument;
    else losses.drop('max_tokens_per_doc', 'has no counterpart');
  }
  for (const field of request.unknown) losses.drop(field, 'has no counterpart');
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list };
}

/** @throws WrongField */
export function readRerankAnswer(bytes: Buffer): RerankAnswer {
  const body = parseBody(bytes);
  const results = asList(body.results, 'results').map((value, i) => {
    const at = `results[${i}]`;
    const from = asObject(value, at);
    const { index, relevance_score: score } = from;
    if (typeof index !== 'number') throw new WrongField(`${at}.index`, 'must be a number');
    if (typeof score !== 'number')
      throw new WrongField(`${at}.relevance_score`, 'must be a number');
    return { index, score };
  });
  const usage = objectAt(body, 'usage', '');
  const billed = objectAt(objectAt(body, 'meta', '') ?? {}, 'billed_units', 'meta');
  return {
    results: results.sort((a, b) => b.score - a.score),
    tokens: usage ? countAt(usage, 'total_tokens') : null,
    searchUnits: isObject(billed) ? countAt(billed, 'search_units') : null,
  };
}

export function writeRerankAnswer(
  answer: RerankAnswer,
  request: AskedRanking,
  shape: RerankShape,
): string {
  const results = answer.results.slice(0, request.topN ?? undefined).map(({ index, score }) => {
    const text = request.documents[index] ?? '';
    const document = request.returnDocuments ? { document: { text } } : null;
    return { index, ...document, relevance_score: score };
  });
  if (shape === 'cohere') {
    const units = { search_units: answer.searchUnits ?? 1 };
    return JSON.stringify({ id: mintedId(''), results, meta: { billed_units: units } });
  }
  const usage = { total_tokens: answer.tokens ?? 0 };
  const id = shape === 'vllm' ? { id: mintedId('rerank-') } : null;
  return JSON.stringify({ ...id, model: request.model, usage, results });
}

/** Cohere's errors have `message`, Jina's `detail`, vLLM's `error.message`. */
export function readRerankError(body: Buffer, status: number): ConversationError {
  const error = errorObject(body);
  const message = error && (wordAt(error, 'message') ?? wordAt(error, 'detail'));
  return plainError(status, message ?? body.toString('utf8', 0, 500).trim());
}

/** Cohere's clients read `message`, others `error`. */
export function writeRerankError(error: ConversationError): string {
  return JSON.stringify({ message: error.message, ...JSON.parse(writeOpenaiError(error)) });
}
