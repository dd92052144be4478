import { readConverseError, writeConverseError } from '../bedrock/error.js';
import { Losses } from '../conversation/losses.js';
import { countAt, needText, numberAt, parseBody } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import type { EmbeddingCodec } from './codec.js';
import { asVector, emptyEmbedding, lostIn, textsOnly, unknownFields } from './inputs.js';

/** `bedrock.titan-embed`: one text per call. */
export const titanEmbed: EmbeddingCodec = {
  dialect: 'bedrock.titan-embed',
  fields: { inputs: 'inputText', dimensions: 'dimensions', purpose: 'purpose', user: 'user' },
  readRequest(bytes, model) {
    const body = parseBody(bytes);
    return {
      ...emptyEmbedding(model, [needText(body, 'inputText', '')]),
      single: true,
      dimensions: numberAt(body, 'dimensions', ''),
      unknown: unknownFields(body, /^(inputText|dimensions)$/),
    };
  },
  writeRequest(request) {
    const losses = lostIn(request, ['purpose', 'user'], new Losses());
    const [inputText = '', another] = textsOnly(request, losses);
    if (another !== undefined) losses.reject('inputs', 'holds more than the one text of a call');
    const body: JsonObject = { inputText };
    if (request.dimensions !== null) body.dimensions = request.dimensions;
    return { body: Buffer.from(JSON.stringify(body)), losses: losses.list };
  },
  readAnswer(bytes) {
    const body = parseBody(bytes);
    const vectors = [asVector(body.embedding, 'embedding')];
    return { vectors, tokens: countAt(body, 'inputTextTokenCount') };
  },
  writeAnswer({ vectors: [embedding = []], tokens }) {
    const inputTextTokenCount = tokens ?? 0;
    return JSON.stringify({
      embedding,
      inputTextTokenCount,
      embeddingsByType: { float: embedding },
    });
  },
  readError: readConverseError,
  writeError: writeConverseError,
};
