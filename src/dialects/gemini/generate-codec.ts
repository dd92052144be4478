import type { Codec } from '../codec.js';
import { readGenerateAnswer, writeGenerateAnswer } from './answer.js';
import { readGenerateError, writeGenerateError } from './error.js';
import { readGenerateRequest } from './request-read.js';
import { writeGenerateRequest } from './request-write.js';
import { GenerateStreamReader } from './stream-read.js';
import { GenerateStreamWriter } from './stream-write.js';

/** `gemini.generate`. */
export const generateCodec: Codec = {
  dialect: 'gemini.generate',
  fields: {
    tools: 'tools',
    toolChoice: 'toolConfig.functionCallingConfig',
    parallelTools: null,
    maxTokens: 'generationConfig.maxOutputTokens',
    temperature: 'generationConfig.temperature',
    topP: 'generationConfig.topP',
    topK: 'generationConfig.topK',
    stop: 'generationConfig.stopSequences',
    seed: 'generationConfig.seed',
    presencePenalty: 'generationConfig.presencePenalty',
    frequencyPenalty: 'generationConfig.frequencyPenalty',
    logprobs: 'generationConfig.responseLogprobs',
    choices: 'generationConfig.candidateCount',
    reasoning: 'generationConfig.thinkingConfig',
    format: 'generationConfig.responseSchema',
    user: null,
  },
  oneBlockAtATime: true,
  takesUrl: () => false,
  readRequest: readGenerateRequest,
  writeRequest: writeGenerateRequest,
  readAnswer: readGenerateAnswer,
  writeAnswer: writeGenerateAnswer,
  streamReader: () => new GenerateStreamReader(),
  streamWriter: (model) => new GenerateStreamWriter(model),
  readError: readGenerateError,
  writeError: writeGenerateError,
};
