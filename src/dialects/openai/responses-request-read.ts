import type { RequestPlace } from '../codec.js';
import {
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
import {
  type ConversationRequest,
  emptyRequest,
  type JsonObject,
  textBlock,
} from '../conversation.js';
import { pushAll } from '../push-all.js';
import { readJsonSchema } from './chat-request-read.js';
import { readInput } from './responses-input-read.js';
import { readResponsesToolChoice, readResponsesTools } from './responses-tools.js';
import { readEffort } from './shared.js';

const dialect = 'openai.responses';

/** Fields that refer to state stored at OpenAI, which no other provider can continue. */
const essential = new Set(['previous_response_id', 'conversation', 'prompt', 'background']);

/** @throws WrongField */
export function readResponsesRequest(bytes: Buffer, place: RequestPlace): ConversationRequest {
  const body = parseBody(bytes);
  const request = emptyRequest(place.model, place.stream ?? false);
  for (const key in body) readField(request, body, key);
  readInput(request, body.input);
  const instructions = textAt(body, 'instructions', '');
  if (instructions) {
    const content = [textBlock(instructions)];
    request.messages.unshift({ role: 'system', content, at: 'instructions' });
  }
  const nothing = request.messages.length === 0 && request.unknown.length === 0;
  if (nothing) throw new WrongField('input', 'must hold an item');
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
    case 'max_output_tokens':
      request.maxTokens = numberAt(body, key, '');
      break;
    case 'temperature':
      request.temperature = numberAt(body, key, '');
      break;
    case 'top_p':
      request.topP = numberAt(body, key, '');
      break;
    case 'top_logprobs':
      request.logprobs = numberAt(body, key, '') || null;
      break;
    case 'tools':
      pushAll(request.tools, readResponsesTools(listAt(body, key, '') ?? [], key, request.unknown));
      break;
    case 'tool_choice':
      readResponsesToolChoice(request, body[key]);
      break;
    case 'parallel_tool_calls':
      request.parallelTools = flagAt(body, key, '');
      break;
    case 'reasoning':
      readReasoning(request, objectAt(body, key, '') ?? {});
      break;
    case 'text':
      readText(request, objectAt(body, key, '') ?? {});
      break;
    case 'user':
      request.user = textAt(body, key, '');
      break;
    case 'include':
      readInclude(request, textsAt(body, key, ''));
      break;
    case 'input':
    case 'instructions':
    case 'stream_options':
      break;
    default:
      readUnknown(request, key, body[key]);
  }
}

/** A field that repeats its own default is not reported. */
function readUnknown(request: ConversationRequest, key: string, value: unknown): void {
  if (value === null || value === false) return;
  if (key === 'truncation' && value === 'disabled') return;
  if (key === 'service_tier' && value === 'auto') return;
  request.unknown.push({ dialect, field: key, value, essential: essential.has(key) });
}

/** Sealed reasoning is always returned encrypted. */
function readInclude(request: ConversationRequest, names: readonly string[]): void {
  for (const name of names) {
    if (name === 'reasoning.encrypted_content') continue;
    if (name === 'message.output_text.logprobs') request.logprobs ??= 0;
    else request.unknown.push({ dialect, field: `include.${name}`, value: name, essential: false });
  }
}

function readReasoning(request: ConversationRequest, from: JsonObject): void {
  const effort = readEffort(textAt(from, 'effort', 'reasoning'), 'reasoning.effort');
  const summary =
    textAt(from, 'summary', 'reasoning') ?? textAt(from, 'generate_summary', 'reasoning');
  if (effort !== null || summary !== null) {
    request.reasoning = { effort, budget: null, visible: summary === null ? null : true };
  }
  for (const key in from) {
    if (/^(effort|summary|generate_summary)$/.test(key) || from[key] === null) continue;
    const field = `reasoning.${key}`;
    request.unknown.push({ dialect, field, value: from[key], essential: false });
  }
}

function readText(request: ConversationRequest, from: JsonObject): void {
  const format = objectAt(from, 'format', 'text');
  if (format?.type === 'json_object') request.format = { type: 'json' };
  else if (format?.type === 'json_schema') request.format = readJsonSchema(format, 'text.format');
  else if (isObject(format) && format.type !== 'text') {
    throw new WrongField('text.format.type', "must be 'text', 'json_object' or 'json_schema'");
  }
  const verbosity = textAt(from, 'verbosity', 'text');
  if (verbosity === null || verbosity === 'medium') return;
  request.unknown.push({ dialect, field: 'text.verbosity', value: verbosity, essential: false });
}
