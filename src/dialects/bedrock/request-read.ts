import type { RequestPlace } from '../codec.js';
import {
  asList,
  asObject,
  flagAt,
  listAt,
  needObject,
  needText,
  numberAt,
  objectAt,
  parseBody,
  parseText,
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
  type Tool,
} from '../conversation.js';
import { readBlocks, readCachePoint } from './block-read.js';

const dialect = 'bedrock.converse';

/** @throws WrongField */
export function readConverseRequest(bytes: Buffer, place: RequestPlace): ConversationRequest {
  const body = parseBody(bytes);
  const request = emptyRequest(place.model, place.stream ?? false);
  for (const key in body) readField(request, body, key);
  if (request.messages.length === 0) throw new WrongField('messages', 'must hold a message');
  const system = listAt(body, 'system', '');
  if (system && system.length > 0) {
    const content = readBlocks(system, 'system');
    request.messages.unshift({ role: 'system', content, at: 'system' });
  }
  return request;
}

function readField(request: ConversationRequest, body: JsonObject, key: string): void {
  switch (key) {
    case 'messages':
      asList(body.messages, key).forEach((value, i) => {
        readMessage(request, value, `messages[${i}]`);
      });
      break;
    case 'inferenceConfig': {
      const config = objectAt(body, key, '') ?? {};
      request.maxTokens = numberAt(config, 'maxTokens', key);
      request.temperature = numberAt(config, 'temperature', key);
      request.topP = numberAt(config, 'topP', key);
      request.stop = textsAt(config, 'stopSequences', key);
      break;
    }
    case 'toolConfig':
      readToolConfig(request, objectAt(body, key, '') ?? {});
      break;
    case 'additionalModelRequestFields':
      readModelFields(request, objectAt(body, key, '') ?? {}, key);
      break;
    case 'outputConfig':
      readOutputConfig(request, objectAt(body, key, '') ?? {});
      break;
    case 'system':
    case 'modelId':
      break;
    default:
      if (body[key] === null) break;
      request.unknown.push({ dialect, field: key, value: body[key], essential: false });
  }
}

function readMessage(request: ConversationRequest, value: unknown, at: string): void {
  const from = asObject(value, at);
  const content = readBlocks(from.content, `${at}.content`);
  if (from.role === 'assistant') request.messages.push({ role: 'assistant', content, at });
  else if (from.role === 'user') splitToolResults(content, at, request.messages);
  else throw new WrongField(`${at}.role`, "must be 'user' or 'assistant'");
}

function readToolConfig(request: ConversationRequest, from: JsonObject): void {
  (listAt(from, 'tools', 'toolConfig') ?? []).forEach((value, i) => {
    const at = `toolConfig.tools[${i}]`;
    const tool = asObject(value, at);
    const mark = readCachePoint(tool, at);
    const last = request.tools.at(-1);
    if (!mark) request.tools.push(readTool(tool, at));
    else if (last?.type === 'function') last.cache = mark;
  });
  const choice = objectAt(from, 'toolChoice', 'toolConfig');
  if (!choice) return;
  const at = 'toolConfig.toolChoice';
  if (choice.auto) request.toolChoice = { type: 'auto' };
  else if (choice.any) request.toolChoice = { type: 'required' };
  else {
    const name = needText(needObject(choice, 'tool', at), 'name', `${at}.tool`);
    request.toolChoice = { type: 'tool', name };
  }
}

function readTool(tool: JsonObject, at: string): Tool {
  const spec = objectAt(tool, 'toolSpec', at);
  if (!spec) {
    const [name = 'tool'] = Object.keys(tool);
    return { type: 'unknown', dialect, name, raw: tool };
  }
  const inner = `${at}.toolSpec`;
  const schema = needObject(spec, 'inputSchema', inner);
  return {
    type: 'function',
    name: needText(spec, 'name', inner),
    namespace: null,
    description: textAt(spec, 'description', inner),
    schema: needObject(schema, 'json', `${inner}.inputSchema`),
    strict: flagAt(spec, 'strict', inner),
    cache: null,
  };
}

/** Fields of the model's own dialect; those of Claude are known. */
function readModelFields(request: ConversationRequest, from: JsonObject, at: string): void {
  for (const key in from) {
    if (key === 'top_k') request.topK = numberAt(from, key, at);
    else if (key === 'thinking') readThinking(request, objectAt(from, key, at) ?? {}, at);
    else {
      const field = `${at}.${key}`;
      request.unknown.push({ dialect, field, value: from[key], essential: false });
    }
  }
}

function readThinking(request: ConversationRequest, from: JsonObject, at: string): void {
  const effort = request.reasoning?.effort ?? null;
  const budget = numberAt(from, 'budget_tokens', `${at}.thinking`);
  if (from.type === 'disabled') {
    request.reasoning = { effort: 'none', budget: null, visible: null };
  } else {
    request.reasoning = { effort, budget: from.type === 'adaptive' ? -1 : budget, visible: null };
  }
}

function readOutputConfig(request: ConversationRequest, from: JsonObject): void {
  const effort = textAt(from, 'effort', 'outputConfig');
  if (effort !== null && efforts.includes(effort as Effort)) {
    const reasoning = request.reasoning ?? { budget: null, visible: null };
    request.reasoning = { ...reasoning, effort: effort as Effort };
  }
  const format = objectAt(from, 'textFormat', 'outputConfig');
  if (!format) return;
  const at = 'outputConfig.textFormat.structure';
  const structure = needObject(format, 'structure', 'outputConfig.textFormat');
  const given = needObject(structure, 'jsonSchema', at);
  request.format = {
    type: 'schema',
    name: textAt(given, 'name', `${at}.jsonSchema`),
    description: textAt(given, 'description', `${at}.jsonSchema`),
    schema: parseText(needText(given, 'schema', `${at}.jsonSchema`), `${at}.jsonSchema.schema`),
    strict: null,
  };
}
