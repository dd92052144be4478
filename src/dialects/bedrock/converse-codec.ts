import type { Codec } from '../codec.js';
import { readConverseAnswer, writeConverseAnswer } from './answer.js';
import { readConverseError, writeConverseError } from './error.js';
import { readConverseRequest } from './request-read.js';
import { writeConverseRequest } from './request-write.js';
import { ConverseStreamReader } from './stream-read.js';
import { ConverseStreamWriter } from './stream-write.js';

/** `bedrock.converse`. Streams are frames of `event-stream.ts`. */
export const converseCodec: Codec = {
  dialect: 'bedrock.converse',
  fields: {
    tools: 'toolConfig.tools',
    toolChoice: 'toolConfig.toolChoice',
    parallelTools: null,
    maxTokens: 'inferenceConfig.maxTokens',
    temperature: 'inferenceConfig.temperature',
    topP: 'inferenceConfig.topP',
    topK: 'additionalModelRequestFields.top_k',
    stop: 'inferenceConfig.stopSequences',
    seed: null,
    presencePenalty: null,
    frequencyPenalty: null,
    logprobs: null,
    choices: null,
    reasoning: 'additionalModelRequestFields.thinking',
    format: 'outputConfig.textFormat',
    user: null,
  },
  oneBlockAtATime: true,
  takesUrl: () => false,
  readRequest: readConverseRequest,
  writeRequest: writeConverseRequest,
  readAnswer: readConverseAnswer,
  writeAnswer: writeConverseAnswer,
  streamReader: () => new ConverseStreamReader(),
  streamWriter: () => new ConverseStreamWriter(),
  readError: readConverseError,
  writeError: writeConverseError,
};
