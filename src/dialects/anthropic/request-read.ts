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
  textsAt,
  WrongField,
} from '../conversation/read.js';
import { splitToolResults } from '../conversation/tool-results.js';
import {
  type ConversationRequest,
  type Effort,
  efforts,
  emptyRequest,
  type JsonObject,
  type Message,
  type Tool,
  type ToolChoice,
  type UnknownField,
} from '../conversation.js';
import { readCacheMark, readContent } from './block-read.js';

const dialect = 'anthropic.messages';

/** @throws WrongField */
export function readMessagesRequest(bytes: Buffer, place: RequestPlace): ConversationRequest {
  const body = parseBody(bytes);
  const request = emptyRequest(place.model, place.stream ?? false);
  for (const key in body) readField(request, body, key);
  if (request.messages.length === 0) throw new WrongField('messages', 'must hold a message');
  const { system } = body;
  if (system !== undefined && system !== null) {
    const content = readContent(system, 'system', request.unknown);
    request.messages.unshift({ role: 'system', content, at: 'system' });
  }
  return request;
}

function readField(request: ConversationRequest, body: JsonObject, key: string): void {
  switch (key) {
    case 'model':
      request.model = needText(body, key, '');
      break;
    case 'stream':
      request.stream = flagAt(body, key, '') ?? false;
      break;
    case 'messages':
      request.messages = readMessages(listAt(body, key, '') ?? [], request.unknown);
      break;
    case 'max_tokens':
      request.maxTokens = numberAt(body, key, '');
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
    case 'stop_sequences':
      request.stop = textsAt(body, key, '');
      break;
    case 'tools':
      request.tools = (listAt(body, key, '') ?? []).map((tool, i) =>
        readTool(tool, i, request.unknown),
      );
      break;
    case 'tool_choice':
      readToolChoice(request, objectAt(body, key, ''));
      break;
    case 'thinking':
      readThinking(request, objectAt(body, key, ''));
      break;
    case 'output_config':
      readOutputConfig(request, objectAt(body, key, '') ?? {});
      break;
    case 'metadata':
      request.user = textAt(objectAt(body, key, '') ?? {}, 'user_id', key);
      break;
    case 'system':
      break;
    default:
      if (body[key] !== null)
        request.unknown.push({ dialect, field: key, value: body[key], essential: false });
  }
}

function readMessages(list: readonly unknown[], unknown: UnknownField[]): Message[] {
  const messages: Message[] = [];
  for (let i = 0; i < list.length; i++) {
    const at = `messages[${i}]`;
    const from = asObject(list[i], at);
    const role = needText(from, 'role', at);
    if (role !== 'user' && role !== 'assistant' && role !== 'system') {
      throw new WrongField(`${at}.role`, "must be 'user', 'assistant' or 'system'");
    }
    const content = readContent(from.content, `${at}.content`, unknown);
    if (role === 'user') splitToolResults(content, at, messages);
    else messages.push({ role, content, at });
  }
  return messages;
}

const toolFields = new Set([
  ...['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'],
]);

function readTool(value: unknown, index: number, unknown: UnknownField[]): Tool {
  const at = `tools[${index}]`;
  const tool = asObject(value, at);
  const type = textAt(tool, 'type', at);
  if (type !== null && type !== 'custom')
    return { type: 'unknown', dialect, name: type, raw: tool };
  keepUnknown(tool, toolFields, at, dialect, unknown);
  return {
    type: 'function',
    name: needText(tool, 'name', at),
    namespace: null,
    description: textAt(tool, 'description', at),
    schema: needObject(tool, 'input_schema', at),
    strict: flagAt(tool, 'strict', at),
    cache: readCacheMark(tool, at),
  };
}

function readToolChoice(request: ConversationRequest, from: JsonObject | null): void {
  if (!from) return;
  const single = flagAt(from, 'disable_parallel_tool_use', 'tool_choice');
  if (single !== null) request.parallelTools = !single;
  request.toolChoice = toolChoice(from);
}

function toolChoice(from: JsonObject): ToolChoice {
  switch (from.type) {
    case 'auto':
    case 'none':
      return { type: from.type };
    case 'any':
      return { type: 'required' };
    case 'tool':
      return { type: 'tool', name: needText(from, 'name', 'tool_choice') };
  }
  throw new WrongField('tool_choice.type', "must be 'auto', 'any', 'tool' or 'none'");
}

function readThinking(request: ConversationRequest, from: JsonObject | null): void {
  if (!from) return;
  const effort = request.reasoning?.effort ?? null;
  const shown = textAt(from, 'display', 'thinking');
  const visible = shown === null ? null : shown !== 'omitted';
  switch (from.type) {
    case 'disabled':
      request.reasoning = { effort: 'none', budget: null, visible };
      return;
    case 'adaptive':
      request.reasoning = { effort, budget: -1, visible };
      return;
    case 'enabled': {
      const budget = numberAt(from, 'budget_tokens', 'thinking');
      if (budget === null) throw new WrongField('thinking.budget_tokens', 'must be a number');
      request.reasoning = { effort, budget, visible };
      return;
    }
  }
  if (typeof from.type !== 'string') throw new WrongField('thinking.type', 'must be a string');
  request.unknown.push({ dialect, field: 'thinking', value: from, essential: false });
}

function readOutputConfig(request: ConversationRequest, from: JsonObject): void {
  const effort = textAt(from, 'effort', 'output_config');
  if (effort !== null) {
    if (!efforts.includes(effort as Effort)) {
      throw new WrongField('output_config.effort', 'must be an effort such as low or high');
    }
    request.reasoning = {
      budget: request.reasoning?.budget ?? null,
      visible: request.reasoning?.visible ?? null,
      // Disabled thinking stays disabled, whatever the effort.
      effort: request.reasoning?.effort === 'none' ? 'none' : (effort as Effort),
    };
  }
  const format = objectAt(from, 'format', 'output_config');
  if (format) {
    const schema = needObject(format, 'schema', 'output_config.format');
    request.format = { type: 'schema', name: null, description: null, schema, strict: null };
  }
  for (const key in from) {
    if (key === 'effort' || key === 'format' || from[key] === null) continue;
    request.unknown.push({
      dialect,
      field: `output_config.${key}`,
      value: from[key],
      essential: false,
    });
  }
}
