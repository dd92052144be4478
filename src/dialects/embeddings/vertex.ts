import { Losses } from '../conversation/losses.js';
import {
  asList,
  asObject,
  countAt,
  needObject,
  needText,
  numberAt,
  objectAt,
  parseBody,
  textAt,
} from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import { readGenerateError, writeGenerateError } from '../gemini/error.js';
import type { EmbeddingCodec } from './codec.js';
import { geminiPurposes, geminiTasks } from './gemini.js';
import { asVector, emptyEmbedding, lostIn, textsOnly, unknownFields } from './inputs.js';

/** `vertex.predict`: Vertex AI's text embedding models. Gemini's models take one text a call. */
export const vertexPredict: EmbeddingCodec = {
  dialect: 'vertex.predict',
  fields: {
    inputs: 'instances',
    dimensions: 'parameters.outputDimensionality',
    purpose: 'instances.task_type',
    user: 'user',
  },
  readRequest(bytes, model) {
    const body = parseBody(bytes);
    const instances = asList(body.instances, 'instances').map((value, i) =>
      asObject(value, `instances[${i}]`),
    );
    const inputs = instances.map((one, i) => needText(one, 'content', `instances[${i}]`));
    const task = textAt(instances[0] ?? {}, 'task_type', 'instances[0]');
    const parameters = objectAt(body, 'parameters', '') ?? {};
    return {
      ...emptyEmbedding(model, inputs),
      dimensions: numberAt(parameters, 'outputDimensionality', 'parameters'),
      purpose: task === null ? null : (geminiPurposes.get(task) ?? null),
      unknown: unknownFields(body, /^(instances|parameters)$/),
    };
  },
  writeRequest(request, model) {
    const losses = lostIn(request, ['user'], new Losses());
    const { purpose, dimensions } = request;
    const instances = textsOnly(request, losses).map((content) => ({
      content,
      ...(purpose && { task_type: geminiTasks[purpose] }),
    }));
    if (instances.length > 1 && model.includes('gemini')) {
      losses.reject('inputs', 'holds more than the one text of a call');
    }
    const body: JsonObject = { instances };
    if (dimensions !== null) body.parameters = { outputDimensionality: dimensions };
    return { body: Buffer.from(JSON.stringify(body)), losses: losses.list };
  },
  readAnswer(bytes) {
    const embeddings = asList(parseBody(bytes).predictions, 'predictions').map((value, i) => {
      const at = `predictions[${i}]`;
      return needObject(asObject(value, at), 'embeddings', at);
    });
    const vectors = embeddings.map(({ values }, i) =>
      asVector(values, `predictions[${i}].embeddings.values`),
    );
    const counts = embeddings.map((one) => objectAt(one, 'statistics', 'predictions.embeddings'));
    const isTold = counts.every((statistics) => statistics !== null);
    const tokens = counts.reduce((sum, each) => sum + countAt(each, 'token_count'), 0);
    return { vectors, tokens: isTold ? tokens : null };
  },
  writeAnswer({ vectors, tokens }) {
    const predictions = vectors.map((values, i) => ({
      // The sum is all that is known.
      embeddings: {
        values,
        ...(tokens !== null && { statistics: { token_count: i === 0 ? tokens : 0 } }),
      },
    }));
    return JSON.stringify({ predictions });
  },
  readError: readGenerateError,
  writeError: writeGenerateError,
};

/** `vertex.embed`: `embedContent` of Gemini's newer embedding models, for one content a call. */
export const vertexEmbed: EmbeddingCodec = {
  dialect: 'vertex.embed',
  fields: {
    inputs: 'content',
    dimensions: 'embedContentConfig.outputDimensionality',
    purpose: 'embedContentConfig.taskType',
    user: 'user',
  },
  readRequest(bytes, model) {
    const body = parseBody(bytes);
    const config = objectAt(body, 'embedContentConfig', '') ?? {};
    const parts = asList(needObject(body, 'content', '').parts, 'content.parts');
    const texts = parts.map((part, i) =>
      needText(asObject(part, `content.parts[${i}]`), 'text', ''),
    );
    const task = textAt(config, 'taskType', 'embedContentConfig');
    return {
      ...emptyEmbedding(model, [texts.join('')]),
      single: true,
      dimensions: numberAt(config, 'outputDimensionality', 'embedContentConfig'),
      purpose: task === null ? null : (geminiPurposes.get(task) ?? null),
      unknown: unknownFields(body, /^(content|embedContentConfig)$/),
    };
  },
  writeRequest(request, _model) {
    const losses = lostIn(request, ['user'], new Losses());
    const { purpose, dimensions } = request;
    const [text = '', another] = textsOnly(request, losses);
    if (another !== undefined) losses.reject('inputs', 'holds more than the one text of a call');
    const config: JsonObject = {};
    if (purpose) config.taskType = geminiTasks[purpose];
    if (dimensions !== null) config.outputDimensionality = dimensions;
    const body = { content: { parts: [{ text }] }, embedContentConfig: config };
    return { body: Buffer.from(JSON.stringify(body)), losses: losses.list };
  },
  readAnswer(bytes) {
    const body = parseBody(bytes);
    const vectors = [asVector(needObject(body, 'embedding', '').values, 'embedding.values')];
    const usage = objectAt(body, 'usageMetadata', '');
    return { vectors, tokens: usage ? countAt(usage, 'promptTokenCount') : null };
  },
  writeAnswer({ vectors: [values = []], tokens }) {
    const usage = tokens !== null && { usageMetadata: { promptTokenCount: tokens } };
    return JSON.stringify({ embedding: { values }, ...usage });
  },
  readError: readGenerateError,
  writeError: writeGenerateError,
};
