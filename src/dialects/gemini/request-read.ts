import type { RequestPlace } from '../codec.js';
import { keepUnknown } from '../conversation/losses.js';
import {
  asList,
  asObject,
  flagAt,
  isObject,
  listAt,
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
  type Block,
  type ConversationRequest,
  type Effort,
  emptyRequest,
  type JsonObject,
  type Tool,
  type UnknownField,
} from '../conversation.js';
import { type CallIds, OrderedCallIds, readPart } from './parts-read.js';
import { asProto, protoAt } from './proto.js';
import { fromGeminiSchema } from './schema.js';

const dialect = 'gemini.generate';

/** @throws WrongField */
export function readGenerateRequest(bytes: Buffer, place: RequestPlace): ConversationRequest {
  const body = asProto(parseBody(bytes), '');
  const request = emptyRequest(place.model, place.stream ?? false);
  readContents(request, body);
  if (request.messages.length === 0) throw new WrongField('contents', 'must hold a content');
  const system = body.systemInstruction;
  if (system !== undefined && system !== null) {
    const content = readContent(system, 'systemInstruction', new OrderedCallIds());
    request.messages.unshift({ role: 'system', content, at: 'systemInstruction' });
  }
  for (const key in body) {
    if (key === 'tools') request.tools = readTools(listAt(body, key, '') ?? [], request.unknown);
    else if (key === 'toolConfig') readToolConfig(request, body);
    else if (key === 'generationConfig') readConfig(request, protoAt(body, key, '') ?? {});
    else if (!/^(contents|systemInstruction|model)$/.test(key) && body[key] !== null) {
      // A cached content is the beginning of the conversation.
      const essential = key === 'cachedContent';
      request.unknown.push({ dialect, field: key, value: body[key], essential });
    }
  }
  return request;
}

function readContents(request: ConversationRequest, body: JsonObject): void {
  const ids = new OrderedCallIds();
  const contents = asList(body.contents, 'contents');
  for (let i = 0; i < contents.length; i++) {
    const at = `contents[${i}]`;
    const role = textAt(asObject(contents[i], at), 'role', at) ?? 'user';
    const content = readContent(contents[i], at, ids);
    if (role === 'model') request.messages.push({ role: 'assistant', content, at });
    else if (role === 'user' || role === 'function')
      splitToolResults(content, at, request.messages);
    else if (role === 'system') request.messages.push({ role, content, at });
    else throw new WrongField(`${at}.role`, "must be 'user' or 'model'");
  }
}

/** A content, or its shorthand, a text. */
function readContent(value: unknown, at: string, ids: CallIds): Block[] {
  if (typeof value === 'string') return readPart({ text: value }, at, ids);
  const parts = listAt(asObject(value, at), 'parts', at) ?? [];
  return parts.flatMap((part, i) => readPart(part, `${at}.parts[${i}]`, ids));
}

function readTools(list: readonly unknown[], unknown: UnknownField[]): Tool[] {
  return list.flatMap((value, i) => {
    const at = `tools[${i}]`;
    const tool = asProto(value, at);
    return Object.keys(tool).flatMap((key): Tool[] => {
      if (key !== 'functionDeclarations') {
        return [{ type: 'unknown', dialect, name: key, raw: { [key]: tool[key] } }];
      }
      const inner = `${at}.functionDeclarations`;
      return asList(tool[key], inner).map((one, k) => readFunction(one, `${inner}[${k}]`, unknown));
    });
  });
}

const functionFields = new Set(['name', 'description', 'parameters', 'parametersJsonSchema']);

function readFunction(value: unknown, at: string, unknown: UnknownField[]): Tool {
  const from = asProto(value, at);
  keepUnknown(from, functionFields, at, dialect, unknown);
  const own = objectAt(from, 'parameters', at);
  return {
    type: 'function',
    name: needText(from, 'name', at),
    namespace: null,
    description: textAt(from, 'description', at),
    schema: objectAt(from, 'parametersJsonSchema', at) ?? (own && fromGeminiSchema(own)),
    strict: null,
    cache: null,
  };
}

function readToolConfig(request: ConversationRequest, body: JsonObject): void {
  const at = 'toolConfig.functionCallingConfig';
  const config = protoAt(
    protoAt(body, 'toolConfig', '') ?? {},
    'functionCallingConfig',
    'toolConfig',
  );
  if (!config) return;
  const names = textsAt(config, 'allowedFunctionNames', at);
  const mode = (textAt(config, 'mode', at) ?? 'AUTO').toUpperCase();
  const [only] = names;
  if (mode === 'NONE') request.toolChoice = { type: 'none' };
  else if (names.length > 1 || (only !== undefined && mode !== 'ANY')) {
    request.toolChoice = { type: 'allowed', mode: mode === 'ANY' ? 'required' : 'auto', names };
  } else if (only !== undefined) request.toolChoice = { type: 'tool', name: only };
  else request.toolChoice = { type: mode === 'ANY' ? 'required' : 'auto' };
}

function readConfig(request: ConversationRequest, config: JsonObject): void {
  const at = 'generationConfig';
  for (const key in config) {
    switch (key) {
      case 'temperature':
      case 'topP':
      case 'topK':
      case 'seed':
      case 'presencePenalty':
      case 'frequencyPenalty':
        request[key] = numberAt(config, key, at);
        break;
      case 'maxOutputTokens':
        request.maxTokens = numberAt(config, key, at);
        break;
      case 'stopSequences':
        request.stop = textsAt(config, key, at);
        break;
      case 'candidateCount':
        request.choices = numberAt(config, key, at);
        break;
      case 'responseLogprobs':
        if (flagAt(config, key, at)) request.logprobs = numberAt(config, 'logprobs', at) ?? 0;
        break;
      case 'thinkingConfig':
        readThinking(request, protoAt(config, key, at) ?? {});
        break;
      case 'responseMimeType':
        readFormat(request, config);
        break;
      case 'logprobs':
      case 'responseSchema':
      case 'responseJsonSchema':
        break;
      default: {
        if (config[key] === null) break;
        const field = `${at}.${key}`;
        request.unknown.push({ dialect, field, value: config[key], essential: false });
      }
    }
  }
}

function readThinking(request: ConversationRequest, from: JsonObject): void {
  const at = 'generationConfig.thinkingConfig';
  const budget = numberAt(from, 'thinkingBudget', at);
  const level = textAt(from, 'thinkingLevel', at)?.toLowerCase();
  const known = level !== undefined && /^(minimal|low|medium|high)$/.test(level);
  request.reasoning = {
    effort: budget === 0 ? 'none' : known ? (level as Effort) : null,
    budget: budget === 0 ? null : budget,
    visible: flagAt(from, 'includeThoughts', at),
  };
}

function readFormat(request: ConversationRequest, config: JsonObject): void {
  const at = 'generationConfig';
  const type = textAt(config, 'responseMimeType', at);
  if (type === null || type === 'text/plain') return;
  if (type !== 'application/json') {
    const field = `${at}.responseMimeType`;
    request.unknown.push({ dialect, field, value: type, essential: false });
    return;
  }
  const own = objectAt(config, 'responseSchema', at);
  const schema = isObject(config.responseJsonSchema)
    ? config.responseJsonSchema
    : own && fromGeminiSchema(own);
  request.format = schema
    ? { type: 'schema', name: null, description: null, schema, strict: null }
    : { type: 'json' };
}
