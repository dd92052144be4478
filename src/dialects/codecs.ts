import { messagesCodec } from './anthropic/messages-codec.js';
import type { Codec } from './codec.js';
import { generateCodec } from './gemini/generate-codec.js';
import { chatCodec } from './openai/chat-codec.js';
import { responsesCodec } from './openai/responses-codec.js';

export const codecs = {
  'openai.chat': chatCodec,
  'openai.responses': responsesCodec,
  'anthropic.messages': messagesCodec,
  'gemini.generate': generateCodec,
} as Record<string, Codec>;
