import { messagesCodec } from './anthropic/messages-codec.js';
import type { Codec } from './codec.js';
import { chatCodec } from './openai/chat-codec.js';
import { responsesCodec } from './openai/responses-codec.js';

export const codecs = {
  'openai.chat': chatCodec,
  'openai.responses': responsesCodec,
  'anthropic.messages': messagesCodec,
} as Record<string, Codec>;
