import { asList, asObject, needText, textAt, WrongField } from '../conversation/read.js';
import type { Block, ConversationRequest, JsonObject, Message, Role } from '../conversation.js';
import { textBlock } from '../conversation.js';
import { pushAll } from '../push-all.js';
import { readOutputItem, readParts } from './responses-items.js';
import { readResponsesTools } from './responses-tools.js';

const dialect = 'openai.responses';

/** Items without which the conversation would change. */
const essential = new Set(['item_reference', 'compaction', 'compaction_trigger']);

/** Reads `input`: consecutive items of one side form one message. */
export function readInput(request: ConversationRequest, input: unknown): void {
  if (input === undefined || input === null) return;
  if (typeof input === 'string') {
    request.messages.push({ role: 'user', content: [textBlock(input)], at: 'input' });
    return;
  }
  const items = asList(input, 'input');
  for (let i = 0; i < items.length; i++) readItem(request, items[i], `input[${i}]`);
}

function readItem(request: ConversationRequest, value: unknown, at: string): void {
  const item = asObject(value, at);
  const type = textAt(item, 'type', at) ?? 'message';
  const { messages } = request;
  switch (type) {
    case 'message':
      readMessage(item, messages, at);
      break;
    case 'function_call':
    case 'custom_tool_call':
    case 'reasoning':
      append(messages, 'assistant', readOutputItem(item, type, at), at);
      break;
    case 'function_call_output':
    case 'custom_tool_call_output':
      append(messages, 'tool', [readToolOutput(item, at)], at);
      break;
    case 'additional_tools':
      request.tools.push(
        ...readResponsesTools(asList(item.tools, `${at}.tools`), `${at}.tools`, request.unknown),
      );
      break;
    default: {
      const field = `${at} (${type.slice(0, 40)})`;
      request.unknown.push({ dialect, field, value: item, essential: essential.has(type) });
    }
  }
}

function readMessage(item: JsonObject, messages: Message[], at: string): void {
  const role = needText(item, 'role', at);
  const content = readParts(item.content, `${at}.content`);
  if (role === 'assistant') append(messages, role, content, at);
  else if (role === 'user') messages.push({ role, content, at });
  else if (role === 'system' || role === 'developer') {
    messages.push({ role: 'system', content, at });
  } else throw new WrongField(`${at}.role`, `has an unknown role, '${role.slice(0, 40)}'`);
}

function append(messages: Message[], role: Role, content: Block[], at: string): void {
  const last = messages.at(-1);
  if (last?.role === role) pushAll(last.content, content);
  else messages.push({ role, content, at });
}

function readToolOutput(item: JsonObject, at: string): Block {
  return {
    type: 'tool_result',
    id: needText(item, 'call_id', at),
    name: null,
    content: readParts(item.output, `${at}.output`),
    error: false,
    cache: null,
  };
}
