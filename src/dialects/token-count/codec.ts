import type { Codec } from '../codec.js';

export type TokenCountDialect =
  | 'openai.input_tokens'
  | 'anthropic.count_tokens'
  | 'gemini.count_tokens';

/** Counting the tokens of a conversation, in one dialect. Pure. */
export interface TokenCountCodec {
  readonly dialect: TokenCountDialect;
  /** The dialect of the conversation that is counted. */
  readonly conversation: Codec;
  /** The conversation of a client's request. @throws WrongField */
  unwrap(body: Buffer): Buffer;
  /** A request to count a conversation. @param model as the provider knows it. */
  wrap(conversation: Buffer, model: string): Buffer;
  /** @throws WrongField where the provider's body names no count. */
  readCount(body: Buffer): number;
  writeCount(count: number): string;
}
