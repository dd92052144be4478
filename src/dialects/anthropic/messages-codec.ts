import type { Codec } from '../codec.js';
import { readMessagesAnswer, writeMessagesAnswer } from './answer.js';
import { readMessagesError, writeMessagesError } from './error.js';
import { readMessagesRequest } from './request-read.js';
import { writeMessagesRequest } from './request-write.js';
import { MessagesStreamReader } from './stream-read.js';
import { MessagesStreamWriter } from './stream-write.js';

/** `anthropic.messages`. */
export const messagesCodec: Codec = {
  dialect: 'anthropic.messages',
  fields: {
    tools: 'tools',
    toolChoice: 'tool_choice',
    parallelTools: 'tool_choice.disable_parallel_tool_use',
    maxTokens: 'max_tokens',
    temperature: 'temperature',
    topP: 'top_p',
    topK: 'top_k',
    stop: 'stop_sequences',
    seed: null,
    presencePenalty: null,
    frequencyPenalty: null,
    logprobs: null,
    choices: null,
    reasoning: 'thinking',
    format: 'output_config.format',
    user: 'metadata.user_id',
  },
  oneBlockAtATime: true,
  takesUrl: (kind, url) => kind !== 'audio' && kind !== 'video' && url.startsWith('https:'),
  readRequest: readMessagesRequest,
  writeRequest: writeMessagesRequest,
  readAnswer: readMessagesAnswer,
  writeAnswer: writeMessagesAnswer,
  streamReader: () => new MessagesStreamReader(),
  streamWriter: (model, _usage, requestId) => new MessagesStreamWriter(model, requestId),
  readError: readMessagesError,
  writeError: writeMessagesError,
};
