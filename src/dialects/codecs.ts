import { messagesCodec } from './anthropic/messages-codec.js';
import { converseCodec } from './bedrock/converse-codec.js';
import type { Codec, ProviderCodec } from './codec.js';
import { cohereChatCodec } from './cohere/chat-codec.js';
import type { ConversationDialect } from './conversation.js';
import type { DialectName } from './dialect.js';
import { generateCodec } from './gemini/generate-codec.js';
import { chatCodec } from './openai/chat-codec.js';
import { responsesCodec } from './openai/responses-codec.js';

/** Null for a dialect in which providers have no conversations. */
export function providerCodecOf(dialect: DialectName): ProviderCodec | null {
  return dialect === 'cohere.chat' ? cohereChatCodec : codecOf(dialect);
}

/** Null for a dialect without translation. */
export function codecOf(dialect: DialectName): Codec | null {
  return Object.hasOwn(codecs, dialect) ? codecs[dialect as ConversationDialect] : null;
}

export const codecs: Readonly<Record<ConversationDialect, Codec>> = {
  'openai.chat': chatCodec,
  'openai.responses': responsesCodec,
  'anthropic.messages': messagesCodec,
  'gemini.generate': generateCodec,
  'bedrock.converse': converseCodec,
};
