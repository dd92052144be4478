import { messagesCodec } from './anthropic/messages-codec.js';
import type { Codec } from './codec.js';
import { chatCodec } from './openai/chat-codec.js';

export const codecs = {
  'openai.chat': chatCodec,
  'anthropic.messages': messagesCodec,
} as Record<string, Codec>;
