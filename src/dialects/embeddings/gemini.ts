import { Losses } from '../conversation/losses.js';
import {
  asList,
  asObject,
  countAt,
  listAt,
  needText,
  numberAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import { readGenerateError, writeGenerateError } from '../gemini/error.js';
import { asProto, protoAt } from '../gemini/proto.js';
import type { EmbeddingCodec, EmbeddingRequest, Purpose } from './codec.js';
import { asVector, emptyEmbedding, lostIn, textsOnly, unknownFields } from './inputs.js';

/** Words for the purposes. */
export const geminiTasks: Readonly<Record<Purpose, string>> = {
  query: 'RETRIEVAL_QUERY',
  document: 'RETRIEVAL_DOCUMENT',
  similarity: 'SEMANTIC_SIMILARITY',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
};
export const geminiPurposes = new Map(
  Object.entries(geminiTasks).map(([name, task]) => [task, name as Purpose]),
);

/**
 * `gemini.embed`: `embedContent` and `batchEmbedContents`. Requests to providers use the latter.
 */
export const geminiEmbed: EmbeddingCodec = {
  dialect: 'gemini.embed',
  fields: {
    inputs: 'content',
    dimensions: 'outputDimensionality',
    purpose: 'taskType',
    user: 'user',
  },
  readRequest(bytes, model) {
    const body = asProto(parseBody(bytes), '');
    const list = listAt(body, 'requests', '');
    if (!list) return { ...readOne(body, model, ''), single: true };
    const requests = list.map((value, i) => {
      const at = `requests[${i}]`;
      return readOne(asProto(value, at), model, at);
    });
    const [first] = requests;
    if (!first) throw new WrongField('requests', 'must not be empty');
    const unknown = new Set(requests.flatMap((one) => one.unknown));
    // Other dialects have one kind of vectors per call.
    for (const one of requests) {
      if (one.dimensions !== first.dimensions) unknown.add('requests.outputDimensionality');
      if (one.purpose !== first.purpose) unknown.add('requests.taskType');
    }
    return { ...first, inputs: requests.flatMap((one) => one.inputs), unknown: [...unknown] };
  },
  writeRequest(request, model) {
    const losses = lostIn(request, ['user'], new Losses());
    const requests = textsOnly(request, losses).map((text) => {
      const one: JsonObject = { model: `models/${model}`, content: { parts: [{ text }] } };
      if (request.purpose) one.taskType = geminiTasks[request.purpose];
      if (request.dimensions !== null) one.outputDimensionality = request.dimensions;
      return one;
    });
    return { body: Buffer.from(JSON.stringify({ requests })), losses: losses.list };
  },
  readAnswer(bytes) {
    const body = asProto(parseBody(bytes), '');
    const single = protoAt(body, 'embedding', '');
    const list = single ? [single] : asList(body.embeddings, 'embeddings');
    const vectors = list.map((value, i) => {
      const at = `embeddings[${i}]`;
      return asVector(asObject(value, at).values, `${at}.values`);
    });
    const usage = protoAt(body, 'usageMetadata', '');
    return { vectors, tokens: usage ? countAt(usage, 'promptTokenCount') : null };
  },
  writeAnswer({ vectors, tokens }, { single }) {
    const embeddings = vectors.map((values) => ({ values }));
    const answer: JsonObject = single ? { embedding: embeddings[0] } : { embeddings };
    if (tokens !== null) answer.usageMetadata = { promptTokenCount: tokens };
    return JSON.stringify(answer);
  },
  readError: readGenerateError,
  writeError: writeGenerateError,
};

function readOne(body: JsonObject, model: string, at: string): EmbeddingRequest {
  const content = protoAt(body, 'content', at);
  if (!content) throw new WrongField(at === '' ? 'content' : `${at}.content`, 'must be an object');
  const inner = at === '' ? 'content' : `${at}.content`;
  const parts = asList(content.parts, `${inner}.parts`).map((part, i) =>
    needText(asObject(part, `${inner}.parts[${i}]`), 'text', `${inner}.parts[${i}]`),
  );
  const task = textAt(body, 'taskType', at);
  const purpose = task === null ? null : (geminiPurposes.get(task) ?? null);
  const known = /^(model|content|outputDimensionality)$/;
  return {
    ...emptyEmbedding(model, [parts.join('')]),
    dimensions: numberAt(body, 'outputDimensionality', at),
    purpose,
    unknown: unknownFields(body, known).filter((key) => key !== 'taskType' || purpose === null),
  };
}
