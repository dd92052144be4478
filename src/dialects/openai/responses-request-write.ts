import type { RequestTarget, WrittenRequest } from '../codec.js';
import { effortOf } from '../conversation/effort.js';
import { Losses } from '../conversation/losses.js';
import { dataUrl, mapPresent } from '../conversation/read.js';
import { calledTools, conformingId, responsesToolIds } from '../conversation/tool-ids.js';
import { dashedNames, RenamedTools, targetToolName } from '../conversation/tool-names.js';
import {
  type Block,
  type ConversationRequest,
  type JsonObject,
  type MediaBlock,
  type Message,
  onlyText,
  type ToolCallBlock,
  type ToolResultBlock,
} from '../conversation.js';
import { pushAll } from '../push-all.js';
import { writeOutputItem } from './responses-answer.js';
import { writeResponsesToolChoice, writeResponsesTools } from './responses-tools.js';
import { audioFormat, hasCacheMark, imageUrl, writeFormat } from './shared.js';

const dialect = 'openai.responses';

/** Nothing is stored: later turns bring everything they need. */
export function writeResponsesRequest(
  request: ConversationRequest,
  target: RequestTarget,
): WrittenRequest {
  const losses = new Losses();
  const body: JsonObject = { model: target.model };
  const messages = [...request.messages];
  const [first] = messages;
  if (first?.role === 'system') {
    const text = onlyText(first.content);
    if (text !== null) {
      body.instructions = text;
      if (first.content.some(hasCacheMark)) losses.cacheMark(first.at);
      messages.shift();
    }
  }
  const custom = customCalls(request);
  body.input = messages.flatMap((message) => writeMessage(message, custom, losses));
  body.store = false;
  if (request.stream) body.stream = true;
  const renamed = new RenamedTools();
  const tools = writeResponsesTools(request.tools, renamed, losses);
  if (tools.length > 0) {
    body.tools = tools;
    const { toolChoice, parallelTools } = request;
    if (toolChoice) body.tool_choice = writeResponsesToolChoice(toolChoice, request.tools);
    if (parallelTools !== null) body.parallel_tool_calls = parallelTools;
  }
  writeSettings(request, body);
  losses.dropFields(request, [
    ...(['topK', 'stop', 'seed', 'presencePenalty', 'frequencyPenalty', 'choices'] as const),
  ]);
  losses.unknownFields(request, dialect, body);
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list, renamed: renamed.map };
}

function writeSettings(request: ConversationRequest, body: JsonObject): void {
  const include: string[] = [];
  if (request.maxTokens !== null) body.max_output_tokens = request.maxTokens;
  if (request.temperature !== null) body.temperature = request.temperature;
  if (request.topP !== null) body.top_p = request.topP;
  if (request.logprobs !== null) {
    include.push('message.output_text.logprobs');
    if (request.logprobs > 0) body.top_logprobs = request.logprobs;
  }
  if (request.reasoning) {
    const { effort, budget, visible } = request.reasoning;
    const asked = effort ?? (budget === null || budget < 0 ? null : effortOf(budget));
    const reasoning: JsonObject = {};
    if (asked !== null) reasoning.effort = asked;
    if (visible) reasoning.summary = 'auto';
    body.reasoning = reasoning;
    // Models without reasoning refuse its settings.
    if (asked !== 'none') include.push('reasoning.encrypted_content');
  }
  if (include.length > 0) body.include = include;
  if (request.format) {
    const { type } = request.format;
    const format = writeFormat(request.format);
    body.text = { format: type === 'json' ? format : { type: 'json_schema', ...format } };
  }
  if (request.user !== null) body.user = request.user;
}

/** Ids of calls of custom tools, whose outputs have a type of their own. */
function customCalls({ messages, tools }: ConversationRequest): ReadonlySet<string> {
  const custom = new Set<string>();
  if (!tools.some(({ type }) => type === 'custom')) return custom;
  const names = calledTools(messages);
  for (const [id, name] of names) {
    if (tools.some((tool) => tool.type === 'custom' && tool.name === name)) custom.add(id);
  }
  return custom;
}

function writeMessage(message: Message, custom: ReadonlySet<string>, losses: Losses): JsonObject[] {
  if (message.content.some(hasCacheMark)) losses.cacheMark(message.at);
  switch (message.role) {
    case 'assistant':
      return writeAssistant(message, losses);
    case 'tool':
      return mapPresent(message.content, (block) =>
        block.type === 'tool_result' ? writeToolOutput(block, custom, message, losses) : null,
      );
    default: {
      const role = message.role === 'system' ? 'developer' : message.role;
      return [{ type: 'message', role, content: writeParts(message.content, message, losses) }];
    }
  }
}

/** Items in the order of the blocks; consecutive texts form one message. */
function writeAssistant(message: Message, losses: Losses): JsonObject[] {
  const items: JsonObject[] = [];
  for (const block of message.content) {
    if (block.type === 'reasoning' && !block.seal) {
      losses.drop(message.at, 'holds reasoning that is not encrypted');
      continue;
    }
    const item = writeOutputItem(block.type === 'tool_call' ? asDeclared(block) : block);
    const last = items.at(-1);
    if (!item) losses.dropBlock(message, block);
    else if (item.type === 'message' && last?.type === 'message') {
      pushAll(last.content as unknown[], item.content as unknown[]);
    } else {
      // Ids of messages and calls refer to answers that OpenAI made.
      if (item.type !== 'reasoning') delete item.id;
      items.push(item);
    }
  }
  return items;
}

function asDeclared(call: ToolCallBlock): ToolCallBlock {
  return call.namespace === null ? { ...call, name: targetToolName(call, dashedNames) } : call;
}

function writeToolOutput(
  block: ToolResultBlock,
  custom: ReadonlySet<string>,
  message: Message,
  losses: Losses,
): JsonObject {
  const text = onlyText(block.content);
  const mark = block.error ? 'Error: ' : '';
  if (block.error) losses.approximate(message.at, 'is an error, marked in its text');
  return {
    type: custom.has(block.id) ? 'custom_tool_call_output' : 'function_call_output',
    call_id: conformingId(block.id, responsesToolIds),
    output: text !== null ? mark + text : writeParts(block.content, message, losses),
  };
}

function writeParts(content: readonly Block[], message: Message, losses: Losses): JsonObject[] {
  return mapPresent(content, (block) => {
    const part = writePart(block, message, losses);
    if (!part && block.type !== 'media') losses.dropBlock(message, block);
    return part;
  });
}

function writePart(block: Block, message: Message, losses: Losses): JsonObject | null {
  switch (block.type) {
    case 'text':
      return { type: 'input_text', text: block.text };
    case 'refusal':
      return { type: 'input_text', text: block.text };
    case 'media':
      return writeMedia(block, message, losses);
    case 'unknown':
      return block.dialect === dialect ? (block.raw as JsonObject) : null;
    default:
      return null;
  }
}

function writeMedia(media: MediaBlock, message: Message, losses: Losses): JsonObject | null {
  const { kind, source } = media;
  if (kind === 'image') {
    const image: JsonObject = { type: 'input_image', detail: media.detail ?? 'auto' };
    const url = imageUrl(media);
    if (url !== null) image.image_url = url;
    else if (source.type === 'file') image.file_id = source.id;
    return image;
  }
  if (kind === 'audio' && source.type === 'base64') {
    const format = audioFormat(media.mediaType);
    return { type: 'input_audio', input_audio: { data: source.data, format } };
  }
  if (kind === 'document') {
    if (source.type === 'text') return { type: 'input_text', text: source.text };
    const file: JsonObject = { type: 'input_file' };
    if (source.type === 'url') file.file_url = source.url;
    else if (source.type === 'file') file.file_id = source.id;
    else file.file_data = dataUrl(media.mediaType ?? 'application/pdf', source.data);
    if (media.name !== null) file.filename = media.name;
    else if (source.type === 'base64') file.filename = 'document.pdf';
    return file;
  }
  losses.reject(message.at, `holds ${kind} by ${source.type}, which responses do not take`);
  return null;
}
