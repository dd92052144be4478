import { readConverseError, writeConverseError } from '../bedrock/error.js';
import { Losses } from '../conversation/losses.js';
import {
  asList,
  countAt,
  isObject,
  numberAt,
  objectAt,
  parseBody,
  textAt,
  textsAt,
  WrongField,
} from '../conversation/read.js';
import { mintedId } from '../conversation/tool-ids.js';
import type { ConversationError, JsonObject } from '../conversation.js';
import { errorObject, kindOf, plainError, wordAt } from '../errors/conversation-error.js';
import type {
  AskedVectors,
  EmbeddingAnswer,
  EmbeddingCodec,
  EmbeddingRequest,
  Purpose,
} from './codec.js';
import { asVector, emptyEmbedding, lostIn, textsOnly, unknownFields } from './inputs.js';

/** `input_type`, which is required. */
const types: Readonly<Record<Purpose, string>> = {
  query: 'search_query',
  document: 'search_document',
  similarity: 'clustering',
  classification: 'classification',
  clustering: 'clustering',
};
const purposes = new Map<string, Purpose>([
  ['search_query', 'query'],
  ['search_document', 'document'],
  ['classification', 'classification'],
  ['clustering', 'clustering'],
]);

const fields = {
  inputs: 'texts',
  dimensions: 'output_dimension',
  purpose: 'input_type',
  user: 'user',
};

/** `cohere.embed`, version 2 of the API. */
export const cohereEmbed: EmbeddingCodec = {
  dialect: 'cohere.embed',
  fields,
  readRequest,
  writeRequest: (request, model) => write(request, { model }),
  readAnswer,
  writeAnswer,
  readError: readCohereError,
  writeError: writeCohereError,
};

/** `bedrock.cohere-embed`: the same with the model in the path. */
export const bedrockCohereEmbed: EmbeddingCodec = {
  dialect: 'bedrock.cohere-embed',
  fields,
  readRequest,
  writeRequest: (request) => write(request, {}),
  readAnswer,
  writeAnswer,
  readError: readConverseError,
  writeError: writeConverseError,
};

function readRequest(bytes: Buffer, model: string): EmbeddingRequest {
  const body = parseBody(bytes);
  const texts = textsAt(body, 'texts', '');
  if (texts.length === 0) throw new WrongField('texts', 'must not be empty');
  const purpose = purposes.get(textAt(body, 'input_type', '') ?? '') ?? null;
  const known = /^(model|texts|input_type|output_dimension|truncate)$/;
  const formats = textsAt(body, 'embedding_types', '');
  const others = formats.some((format) => format !== 'float');
  return {
    ...emptyEmbedding(textAt(body, 'model', '') ?? model, texts),
    dimensions: numberAt(body, 'output_dimension', ''),
    purpose,
    unknown: unknownFields(body, known).filter((key) => key !== 'embedding_types' || others),
  };
}

function write(request: EmbeddingRequest, body: JsonObject) {
  const losses = lostIn(request, ['user'], new Losses());
  body.texts = textsOnly(request, losses);
  if (request.purpose === null) losses.approximate('purpose', 'is taken to be a document');
  else if (request.purpose === 'similarity') losses.approximate('purpose', 'becomes clustering');
  body.input_type = types[request.purpose ?? 'document'];
  body.embedding_types = ['float'];
  if (request.dimensions !== null) body.output_dimension = request.dimensions;
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list };
}

function readAnswer(bytes: Buffer): EmbeddingAnswer {
  const body = parseBody(bytes);
  // Without types, vectors are a plain list, as in version 1.
  const list = isObject(body.embeddings) ? body.embeddings.float : body.embeddings;
  const vectors = asList(list, 'embeddings').map((one, i) => asVector(one, `embeddings[${i}]`));
  const meta = objectAt(body, 'meta', '');
  const billed = meta && objectAt(meta, 'billed_units', 'meta');
  return { vectors, tokens: billed ? countAt(billed, 'input_tokens') : null };
}

function writeAnswer({ vectors, tokens }: EmbeddingAnswer, request: AskedVectors): string {
  const answer: JsonObject = {
    id: mintedId(''),
    embeddings: { float: vectors },
    texts: request.inputs,
    response_type: 'embeddings_by_type',
  };
  if (tokens !== null) answer.meta = { billed_units: { input_tokens: tokens } };
  return JSON.stringify(answer);
}

/** `{ "id": …, "message": … }`. */
export function readCohereError(body: Buffer, status: number): ConversationError {
  const error = errorObject(body);
  const message = error && wordAt(error, 'message');
  if (!message) return plainError(status, body.toString('utf8', 0, 500).trim());
  return { ...plainError(status, message), kind: kindOf(status) };
}

function writeCohereError({ message }: ConversationError): string {
  return JSON.stringify({ message });
}
