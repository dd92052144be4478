import { messagesCodec } from '../anthropic/messages-codec.js';
import { parseBody, WrongField } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import { generateCodec } from '../gemini/generate-codec.js';
import { asProto, protoAt } from '../gemini/proto.js';
import { responsesCodec } from '../openai/responses-codec.js';
import type { TokenCountCodec, TokenCountDialect } from './codec.js';

const anthropic: TokenCountCodec = {
  dialect: 'anthropic.count_tokens',
  conversation: messagesCodec,
  unwrap: (body) => body,
  wrap: membersOf(['model', 'messages', 'system', 'tools', 'tool_choice', 'output_config']),
  readCount: (body) => countIn(parseBody(body), 'input_tokens'),
  writeCount: (count) => JSON.stringify({ input_tokens: count }),
};

const openai: TokenCountCodec = {
  dialect: 'openai.input_tokens',
  conversation: responsesCodec,
  unwrap: (body) => body,
  wrap: membersOf([
    ...['model', 'input', 'instructions', 'tools', 'tool_choice', 'parallel_tool_calls', 'text'],
  ]),
  readCount: (body) => countIn(parseBody(body), 'input_tokens'),
  writeCount: (count) => JSON.stringify({ object: 'response.input_tokens', input_tokens: count }),
};

/** Its clients send the contents alone, or the whole request as `generateContentRequest`. */
const gemini: TokenCountCodec = {
  dialect: 'gemini.count_tokens',
  conversation: generateCodec,
  unwrap(bytes) {
    const body = asProto(parseBody(bytes), '');
    const inner = protoAt(body, 'generateContentRequest', '');
    if (!inner) return bytes;
    if (body.contents === undefined) return Buffer.from(JSON.stringify(inner));
    throw new WrongField('contents', "cannot stand beside 'generateContentRequest'");
  },
  wrap(conversation, model) {
    const generateContentRequest = { model: `models/${model}`, ...parseBody(conversation) };
    return Buffer.from(JSON.stringify({ generateContentRequest }));
  },
  readCount: (body) => countIn(asProto(parseBody(body), ''), 'totalTokens'),
  writeCount: (count) => JSON.stringify({ totalTokens: count }),
};

export const tokenCountCodecs: Readonly<Record<TokenCountDialect, TokenCountCodec>> = {
  'anthropic.count_tokens': anthropic,
  'openai.input_tokens': openai,
  'gemini.count_tokens': gemini,
};

/** Keeps those members of a written conversation that a request to count it may have. */
function membersOf(names: readonly string[]): TokenCountCodec['wrap'] {
  return (conversation) => {
    const body = parseBody(conversation);
    const kept: JsonObject = {};
    for (const name of names) if (body[name] !== undefined) kept[name] = body[name];
    return Buffer.from(JSON.stringify(kept));
  };
}

function countIn(body: JsonObject, name: string): number {
  const count = body[name];
  if (Number.isSafeInteger(count) && (count as number) >= 0) return count as number;
  throw new WrongField(name, 'must be a number of tokens');
}
