import type { TokenCountCodec } from '../dialects/token-count/codec.js';
import { promptTokensOf } from './conversations.js';

/**
 * Answers a request to count the tokens of a conversation, in any dialect that has one.
 * @throws WrongField
 */
export function countBody(codec: TokenCountCodec, body: Buffer): string {
  const place = { model: '', stream: false };
  const request = codec.conversation.readRequest(codec.unwrap(body), place);
  return codec.writeCount(promptTokensOf(request));
}
