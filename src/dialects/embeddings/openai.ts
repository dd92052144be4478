import { Losses } from '../conversation/losses.js';
import {
  asList,
  asObject,
  countAt,
  isObject,
  numberAt,
  objectAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import { readOpenaiError, writeOpenaiError } from '../openai/shared.js';
import type { EmbeddingAnswer, EmbeddingCodec, EmbeddingRequest } from './codec.js';
import { asVector, emptyEmbedding, lostIn, unknownFields } from './inputs.js';

/** `openai.embeddings`. */
export const openaiEmbeddings: EmbeddingCodec = {
  dialect: 'openai.embeddings',
  fields: { inputs: 'input', dimensions: 'dimensions', purpose: 'purpose', user: 'user' },
  readRequest,
  writeRequest(request, model) {
    const { inputs, dimensions, base64, user } = request;
    const body: JsonObject = { model, input: inputs };
    if (dimensions !== null) body.dimensions = dimensions;
    if (base64) body.encoding_format = 'base64';
    if (user !== null) body.user = user;
    const losses = lostIn(request, ['purpose'], new Losses());
    return { body: Buffer.from(JSON.stringify(body)), losses: losses.list };
  },
  readAnswer,
  writeAnswer(answer, request) {
    const data = answer.vectors.map((vector, index) => {
      const embedding = request.base64 ? toBase64(vector) : vector;
      return { object: 'embedding', index, embedding };
    });
    const tokens = answer.tokens ?? 0;
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    return JSON.stringify({ object: 'list', data, model: request.model, usage });
  },
  readError: readOpenaiError,
  writeError: writeOpenaiError,
};

function readRequest(bytes: Buffer, model: string): EmbeddingRequest {
  const body = parseBody(bytes);
  const { inputs, single } = readInput(body.input);
  const format = textAt(body, 'encoding_format', '');
  if (format !== null && format !== 'float' && format !== 'base64') {
    throw new WrongField('encoding_format', "must be 'float' or 'base64'");
  }
  return {
    ...emptyEmbedding(textAt(body, 'model', '') ?? model, inputs),
    single,
    dimensions: numberAt(body, 'dimensions', ''),
    base64: format === 'base64',
    user: textAt(body, 'user', ''),
    unknown: unknownFields(body, /^(model|input|encoding_format|dimensions|user)$/),
  };
}

/** A text, texts, tokens, or several of them. */
function readInput(input: unknown): { inputs: EmbeddingRequest['inputs']; single: boolean } {
  if (typeof input === 'string') return { inputs: [input], single: true };
  const list = asList(input, 'input');
  if (list.length === 0) throw new WrongField('input', 'must not be empty');
  if (list.every((item) => typeof item === 'string')) return { inputs: list, single: false };
  if (typeof list[0] === 'number') return { inputs: [asVector(list, 'input')], single: true };
  const inputs = list.map((item, i) => asVector(item, `input[${i}]`));
  return { inputs, single: false };
}

function readAnswer(bytes: Buffer): EmbeddingAnswer {
  const body = parseBody(bytes);
  const vectors: number[][] = [];
  asList(body.data, 'data').forEach((value, i) => {
    const item = asObject(value, `data[${i}]`);
    const { embedding, index = i } = item;
    if (typeof index !== 'number' || !(index >= 0 && index < 1e6)) {
      throw new WrongField(`data[${i}].index`, 'must be a position');
    }
    vectors[index] =
      typeof embedding === 'string'
        ? fromBase64(embedding)
        : asVector(embedding, `data[${i}].embedding`);
  });
  for (let i = 0; i < vectors.length; i++) {
    if (!vectors[i]) throw new WrongField('data', `has no vector at ${i}`);
  }
  const usage = objectAt(body, 'usage', '');
  return { vectors, tokens: isObject(usage) ? countAt(usage, 'prompt_tokens') : null };
}

function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (let i = 0; i < vector.length; i++) bytes.writeFloatLE(vector[i] as number, i * 4);
  return bytes.toString('base64');
}

function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readFloatLE(i * 4));
}
