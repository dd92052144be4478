import type { Codec, StreamWriter } from '../dialects/codec.js';
import { isObject, parseBody } from '../dialects/conversation/read.js';
import type { FinishReason, JsonObject, Part, Usage } from '../dialects/conversation.js';
import { chatCodec } from '../dialects/openai/chat-codec.js';
import { writeEvent } from '../dialects/sse.js';

/** Version 2 of Cohere's chat, whose requests are read like those of chat completions. */
export const cohereCodec: Codec = {
  ...chatCodec,
  readRequest(bytes, place) {
    const { tool_choice: choice, response_format: asked, ...body } = parseBody(bytes);
    const chosen = typeof choice === 'string' && { tool_choice: choice.toLowerCase() };
    const chat = { ...body, response_format: asked, ...chosen };
    const request = chatCodec.readRequest(Buffer.from(JSON.stringify(chat)), place);
    const schema = isObject(asked) ? (asked.json_schema ?? asked.schema) : null;
    if (!isObject(schema)) return request;
    const format = { type: 'schema', name: null, description: null, schema, strict: null } as const;
    return { ...request, format };
  },
  writeAnswer({ id, content, finish, usage }) {
    const message: JsonObject = { role: 'assistant' };
    for (const block of content) {
      if (block.type === 'text') message.content = [{ type: 'text', text: block.text }];
      else if (block.type === 'tool_call') message.tool_calls = [callOf(block)];
    }
    return JSON.stringify({ id, message, ...endOf(finish.reason, usage) });
  },
  streamWriter: writer,
  writeError: ({ message }) => JSON.stringify({ message }),
};

/** Writes an answer of one block. */
function writer(): StreamWriter {
  let isCall = false;
  const inBlock = (step: 'start' | 'delta' | 'end', message?: object) =>
    event(`${isCall ? 'tool-call' : 'content'}-${step}`, {
      index: 0,
      ...(message && { delta: { message } }),
    });
  return {
    push(part: Part) {
      switch (part.type) {
        case 'start':
          return event('message-start', { id: part.id, delta: { message: { role: 'assistant' } } });
        case 'open': {
          const { content } = part;
          isCall = content.type === 'tool_call';
          return content.type === 'tool_call'
            ? inBlock('start', { tool_calls: callOf(content) })
            : inBlock('start', { content: { type: 'text', text: '' } });
        }
        case 'delta': {
          const { text } = part;
          const call = { tool_calls: { function: { arguments: text } } };
          return inBlock('delta', isCall ? call : { content: { text } });
        }
        case 'close':
          return inBlock('end');
        case 'finish':
          return event('message-end', { delta: endOf(part.finish.reason, part.usage) });
        default:
          return null;
      }
    },
  };
}

function event(type: string, fields: object): Buffer {
  return writeEvent(JSON.stringify({ type, ...fields }), type);
}

function callOf({ id, name, input }: { id: string; name: string; input: string }): JsonObject {
  return { id, type: 'function', function: { name, arguments: input } };
}

const reasons: Readonly<Partial<Record<FinishReason, string>>> = {
  length: 'MAX_TOKENS',
  tool_calls: 'TOOL_CALL',
};

function endOf(reason: FinishReason, usage: Usage | null): JsonObject {
  const tokens = { input_tokens: usage?.input ?? 0, output_tokens: usage?.output ?? 0 };
  return { finish_reason: reasons[reason] ?? 'COMPLETE', usage: { tokens } };
}
