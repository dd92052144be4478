import type { Codec } from '../codec.js';
import { readChatAnswer, writeChatAnswer } from './chat-answer.js';
import { readChatRequest } from './chat-request-read.js';
import { writeChatRequest } from './chat-request-write.js';
import { ChatStreamReader } from './chat-stream-read.js';
import { ChatStreamWriter } from './chat-stream-write.js';
import { readOpenaiError, writeOpenaiError } from './shared.js';

/** `openai.chat`: chat completions of OpenAI and compatible servers. */
export const chatCodec: Codec = {
  dialect: 'openai.chat',
  fields: {
    tools: 'tools',
    toolChoice: 'tool_choice',
    parallelTools: 'parallel_tool_calls',
    maxTokens: 'max_completion_tokens',
    temperature: 'temperature',
    topP: 'top_p',
    topK: 'top_k',
    stop: 'stop',
    seed: 'seed',
    presencePenalty: 'presence_penalty',
    frequencyPenalty: 'frequency_penalty',
    logprobs: 'logprobs',
    choices: 'n',
    reasoning: 'reasoning_effort',
    format: 'response_format',
    user: 'user',
  },
  oneBlockAtATime: false,
  takesUrl: (kind) => kind === 'image',
  readRequest: readChatRequest,
  writeRequest: writeChatRequest,
  readAnswer: readChatAnswer,
  writeAnswer: writeChatAnswer,
  streamReader: () => new ChatStreamReader(),
  streamWriter: (model, usage) => new ChatStreamWriter(model, usage),
  readError: readOpenaiError,
  writeError: writeOpenaiError,
};
