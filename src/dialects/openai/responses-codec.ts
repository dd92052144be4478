import type { Codec } from '../codec.js';
import { readResponsesAnswer, writeResponsesAnswer } from './responses-answer.js';
import { readResponsesRequest } from './responses-request-read.js';
import { writeResponsesRequest } from './responses-request-write.js';
import { ResponsesStreamReader } from './responses-stream-read.js';
import { ResponsesStreamWriter } from './responses-stream-write.js';
import { readOpenaiError, writeOpenaiError } from './shared.js';

/** `openai.responses`. */
export const responsesCodec: Codec = {
  dialect: 'openai.responses',
  fields: {
    tools: 'tools',
    toolChoice: 'tool_choice',
    parallelTools: 'parallel_tool_calls',
    maxTokens: 'max_output_tokens',
    temperature: 'temperature',
    topP: 'top_p',
    topK: null,
    stop: null,
    seed: null,
    presencePenalty: null,
    frequencyPenalty: null,
    logprobs: 'top_logprobs',
    choices: null,
    reasoning: 'reasoning',
    format: 'text.format',
    user: 'user',
  },
  oneBlockAtATime: true,
  takesUrl: (kind) => kind === 'image' || kind === 'document',
  readRequest: readResponsesRequest,
  writeRequest: writeResponsesRequest,
  readAnswer: readResponsesAnswer,
  writeAnswer: writeResponsesAnswer,
  streamReader: () => new ResponsesStreamReader(),
  streamWriter: (model) => new ResponsesStreamWriter(model),
  readError: readOpenaiError,
  writeError: writeOpenaiError,
};
