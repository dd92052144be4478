import type { RequestPlace } from '../codec.js';
import { keepUnknown } from '../conversation/losses.js';
import {
  asObject,
  flagAt,
  listAt,
  needObject,
  needText,
  numberAt,
  objectAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import {
  type Block,
  type ConversationRequest,
  emptyRequest,
  type Format,
  type JsonObject,
  type Message,
  textBlock,
  type UnknownField,
} from '../conversation.js';
import { pushAll } from '../push-all.js';
import { readChatReasoning } from './chat-reasoning.js';
import { readChatTool, readChatToolChoice, readToolCall } from './chat-tools.js';
import { audioBlock, fileBlock, imageBlock, readEffort } from './shared.js';

const dialect = 'openai.chat';

/** @throws WrongField */
export function readChatRequest(bytes: Buffer, place: RequestPlace): ConversationRequest {
  const body = parseBody(bytes);
  const request = emptyRequest(place.model, place.stream ?? false);
  for (const key in body) readField(request, body, key);
  const options = objectAt(body, 'stream_options', '');
  request.streamUsage = options?.include_usage === true;
  if (request.messages.length === 0) throw new WrongField('messages', 'must hold a message');
  return request;
}

function readField(request: ConversationRequest, body: JsonObject, key: string): void {
  switch (key) {
    case 'model':
      request.model = needText(body, 'model', '');
      break;
    case 'stream':
      request.stream = flagAt(body, 'stream', '') ?? false;
      break;
    case 'messages':
      request.messages = readMessages(listAt(body, 'messages', '') ?? [], request.unknown);
      break;
    case 'tools':
      request.tools = (listAt(body, key, '') ?? []).map((tool, i) =>
        readChatTool(tool, i, request.unknown),
      );
      break;
    case 'tool_choice':
      request.toolChoice = readChatToolChoice(body.tool_choice);
      break;
    case 'parallel_tool_calls':
      request.parallelTools = flagAt(body, key, '');
      break;
    case 'max_tokens':
    case 'max_completion_tokens':
      request.maxTokens = numberAt(body, key, '') ?? request.maxTokens;
      break;
    case 'temperature':
      request.temperature = numberAt(body, key, '');
      break;
    case 'top_p':
      request.topP = numberAt(body, key, '');
      break;
    case 'top_k':
      request.topK = numberAt(body, key, '');
      break;
    case 'stop':
      request.stop = readStop(body.stop);
      break;
    case 'seed':
      request.seed = numberAt(body, key, '');
      break;
    case 'presence_penalty':
      request.presencePenalty = numberAt(body, key, '');
      break;
    case 'frequency_penalty':
      request.frequencyPenalty = numberAt(body, key, '');
      break;
    case 'logprobs':
      if (flagAt(body, key, '')) request.logprobs = numberAt(body, 'top_logprobs', '') ?? 0;
      break;
    case 'n':
      request.choices = numberAt(body, key, '');
      break;
    case 'reasoning_effort': {
      const effort = readEffort(textAt(body, key, ''), key);
      if (effort) request.reasoning = { effort, budget: null, visible: null };
      break;
    }
    case 'response_format':
      request.format = readFormat(objectAt(body, key, ''));
      break;
    case 'user':
      request.user = textAt(body, key, '');
      break;
    case 'stream_options':
    case 'top_logprobs':
      break;
    default: {
      const value = body[key];
      // Asking not to store anything has no effect.
      if (value === null || (key === 'store' && value === false)) break;
      request.unknown.push({ dialect, field: key, value, essential: false });
    }
  }
}

const messageFields = new Set([
  ...['role', 'content', 'refusal', 'tool_calls', 'function_call', 'tool_call_id', 'audio'],
  ...['reasoning', 'reasoning_content', 'reasoning_details', 'annotations', 'parsed'],
]);

function readMessages(list: readonly unknown[], unknown: UnknownField[]): Message[] {
  const messages: Message[] = [];
  for (let i = 0; i < list.length; i++) {
    const at = `messages[${i}]`;
    const from = asObject(list[i], at);
    const role = needText(from, 'role', at);
    if (role !== 'tool' && role !== 'function') {
      keepUnknown(from, messageFields, at, dialect, unknown);
    }
    if (role === 'tool' || role === 'function') {
      const last = messages.at(-1);
      const result = readToolResult(from, role, at);
      if (last?.role === 'tool') last.content.push(result);
      else messages.push({ role: 'tool', content: [result], at });
    } else if (role === 'assistant') {
      messages.push({ role, content: readAssistant(from, at), at });
    } else if (role === 'user') {
      messages.push({ role, content: readContent(from.content, at), at });
    } else if (role === 'system' || role === 'developer') {
      messages.push({ role: 'system', content: readContent(from.content, at), at });
    } else {
      throw new WrongField(`${at}.role`, `has an unknown role, '${role.slice(0, 40)}'`);
    }
  }
  return messages;
}

function readToolResult(from: JsonObject, role: 'tool' | 'function', at: string): Block {
  const name = textAt(from, 'name', at);
  const content = from.content;
  return {
    type: 'tool_result',
    id: role === 'tool' ? needText(from, 'tool_call_id', at) : (name ?? ''),
    name,
    content: content === '' ? [] : readContent(content, at),
    error: false,
    cache: null,
  };
}

function readAssistant(from: JsonObject, at: string): Block[] {
  const blocks: Block[] = readChatReasoning(from, at);
  const content = from.content;
  if (content !== undefined && content !== null && content !== '') {
    pushAll(blocks, readContent(content, at));
  }
  const refusal = textAt(from, 'refusal', at);
  if (refusal !== null) blocks.push({ type: 'refusal', text: refusal });
  const calls = listAt(from, 'tool_calls', at);
  if (calls)
    pushAll(
      blocks,
      calls.map((call, i) => readToolCall(call, `${at}.tool_calls[${i}]`)),
    );
  const old = objectAt(from, 'function_call', at);
  if (old) {
    const name = needText(old, 'name', `${at}.function_call`);
    const input = textAt(old, 'arguments', `${at}.function_call`) ?? '{}';
    blocks.push({
      type: 'tool_call',
      id: name,
      name,
      namespace: null,
      input,
      custom: false,
      cache: null,
    });
  }
  if (from.audio !== undefined && from.audio !== null) {
    blocks.push({ type: 'unknown', dialect, name: 'audio', raw: from.audio });
  }
  return blocks;
}

/** Content of a message: text, or parts. */
export function readContent(content: unknown, at: string): Block[] {
  if (typeof content === 'string') return [textBlock(content)];
  if (content === null || content === undefined) return [];
  if (!Array.isArray(content)) {
    throw new WrongField(`${at}.content`, 'must be a string or an array of parts');
  }
  return content.map((part, i) => readPart(part, `${at}.content[${i}]`));
}

function readPart(value: unknown, at: string): Block {
  const part = asObject(value, at);
  const type = needText(part, 'type', at);
  switch (type) {
    case 'text':
      return textBlock(needText(part, 'text', at));
    case 'refusal':
      return { type: 'refusal', text: needText(part, 'refusal', at) };
    case 'image_url': {
      const given = part.image_url;
      if (typeof given === 'string') return imageBlock(given, null);
      const image = asObject(given, `${at}.image_url`);
      const inner = `${at}.image_url`;
      return imageBlock(needText(image, 'url', inner), textAt(image, 'detail', inner));
    }
    case 'input_audio': {
      const inner = `${at}.input_audio`;
      const audio = needObject(part, 'input_audio', at);
      return audioBlock(needText(audio, 'data', inner), needText(audio, 'format', inner));
    }
    case 'file': {
      const file = needObject(part, 'file', at);
      const inner = `${at}.file`;
      const data = textAt(file, 'file_data', inner);
      const id = textAt(file, 'file_id', inner);
      return fileBlock(data, id, null, textAt(file, 'filename', inner), inner);
    }
    default:
      return { type: 'unknown', dialect, name: type, raw: part };
  }
}

function readStop(value: unknown): string[] {
  if (value === null) return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new WrongField('stop', 'must be a string or an array of strings');
}

function readFormat(from: JsonObject | null): Format | null {
  const at = 'response_format';
  if (!from) return null;
  const type = needText(from, 'type', at);
  if (type === 'text') return null;
  if (type === 'json_object') return { type: 'json' };
  if (type === 'json_schema') {
    return readJsonSchema(needObject(from, 'json_schema', at), `${at}.json_schema`);
  }
  throw new WrongField(`${at}.type`, "must be 'text', 'json_object' or 'json_schema'");
}

/** A named schema; chat and responses place it differently. */
export function readJsonSchema(from: JsonObject, at: string): Format {
  return {
    type: 'schema',
    name: textAt(from, 'name', at),
    description: textAt(from, 'description', at),
    schema: needObject(from, 'schema', at),
    strict: flagAt(from, 'strict', at),
  };
}
