import type { RequestTarget, WrittenRequest } from '../codec.js';
import { effortOf } from '../conversation/effort.js';
import { Losses } from '../conversation/losses.js';
import { dataUrl, mapPresent } from '../conversation/read.js';
import { conformingId, mistralToolIds } from '../conversation/tool-ids.js';
import { RenamedTools } from '../conversation/tool-names.js';
import {
  type Block,
  type ConversationRequest,
  type JsonObject,
  type MediaBlock,
  type Message,
  onlyText,
  type ToolResultBlock,
} from '../conversation.js';
import { writeChatReasoning } from './chat-reasoning.js';
import { writeChatTool, writeChatToolChoice, writeToolCall } from './chat-tools.js';
import { audioFormat, imageUrl, writeFormat } from './shared.js';

const dialect = 'openai.chat';

export function writeChatRequest(
  request: ConversationRequest,
  target: RequestTarget,
): WrittenRequest {
  const losses = new Losses();
  const renamed = new RenamedTools();
  const toolId = (id: string) =>
    target.quirks.shortToolIds ? conformingId(id, mistralToolIds) : id;
  const body: JsonObject = { model: target.model };
  const messages: JsonObject[] = [];
  for (const message of request.messages) writeMessage(message, messages, toolId, losses);
  body.messages = messages;
  if (request.stream) {
    body.stream = true;
    if (!target.quirks.noStreamOptions) body.stream_options = { include_usage: true };
  }
  const tools = mapPresent(request.tools, (tool, i) => writeChatTool(tool, i, renamed, losses));
  if (tools.length > 0) body.tools = tools;
  if (request.toolChoice && tools.length > 0) body.tool_choice = writeChatToolChoice(request);
  if (request.parallelTools !== null && tools.length > 0) {
    body.parallel_tool_calls = request.parallelTools;
  }
  writeSampling(request, body, target.quirks.oldMaxTokens);
  if (request.reasoning) writeReasoning(request.reasoning, body);
  if (request.format) body.response_format = writeResponseFormat(request.format);
  if (request.user !== null) body.user = request.user;
  losses.unknownFields(request, dialect, body);
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list, renamed: renamed.map };
}

function writeSampling(
  request: ConversationRequest,
  body: JsonObject,
  oldMaxTokens: boolean,
): void {
  if (request.maxTokens !== null) {
    body[oldMaxTokens ? 'max_tokens' : 'max_completion_tokens'] = request.maxTokens;
  }
  if (request.temperature !== null) body.temperature = request.temperature;
  if (request.topP !== null) body.top_p = request.topP;
  if (request.topK !== null) body.top_k = request.topK;
  if (request.stop.length > 0) body.stop = request.stop;
  if (request.seed !== null) body.seed = request.seed;
  if (request.presencePenalty !== null) body.presence_penalty = request.presencePenalty;
  if (request.frequencyPenalty !== null) body.frequency_penalty = request.frequencyPenalty;
  if (request.logprobs !== null) {
    body.logprobs = true;
    if (request.logprobs > 0) body.top_logprobs = request.logprobs;
  }
  if (request.choices !== null) body.n = request.choices;
}

function writeReasoning(
  { effort, budget }: NonNullable<ConversationRequest['reasoning']>,
  body: JsonObject,
): void {
  if (effort !== null) body.reasoning_effort = effort;
  // -1 leaves the effort to the model, like omitting it.
  else if (budget !== null && budget >= 0) body.reasoning_effort = effortOf(budget);
}

function writeResponseFormat(format: NonNullable<ConversationRequest['format']>): JsonObject {
  const written = writeFormat(format);
  return format.type === 'json' ? written : { type: 'json_schema', json_schema: written };
}

type ToolId = (id: string) => string;

function writeMessage(message: Message, into: JsonObject[], toolId: ToolId, losses: Losses): void {
  if (message.role === 'tool') {
    writeToolResults(message, into, toolId, losses);
    return;
  }
  if (message.role === 'assistant') {
    into.push(writeAssistant(message, toolId, losses));
    return;
  }
  into.push({ role: message.role, content: writeContent(message.content, message, losses) });
}

/** A string where one is enough. */
function writeContent(content: readonly Block[], message: Message, losses: Losses): unknown {
  if (content.length === 1 && content[0]?.type === 'text') {
    if (content[0].cache) losses.cacheMark(message.at);
    return content[0].text;
  }
  return mapPresent(content, (block) => writePart(block, message, losses));
}

function writePart(block: Block, message: Message, losses: Losses): JsonObject | null {
  if ('cache' in block && block.cache) losses.cacheMark(message.at);
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'refusal':
      return { type: 'refusal', refusal: block.text };
    case 'media':
      return writeMedia(block, message, losses);
    case 'unknown':
      if (block.dialect === dialect) return block.raw as JsonObject;
  }
  losses.dropBlock(message, block);
  return null;
}

function writeMedia(media: MediaBlock, message: Message, losses: Losses): JsonObject | null {
  const { source } = media;
  if (media.kind === 'image') {
    const url = imageUrl(media);
    if (url !== null) {
      const image: JsonObject = { url };
      if (media.detail !== null) image.detail = media.detail;
      return { type: 'image_url', image_url: image };
    }
  } else if (media.kind === 'audio' && source.type === 'base64') {
    const format = audioFormat(media.mediaType);
    return { type: 'input_audio', input_audio: { data: source.data, format } };
  } else if (media.kind === 'document') {
    if (source.type === 'text') return { type: 'text', text: source.text };
    const file: JsonObject = {};
    if (source.type === 'file') file.file_id = source.id;
    if (source.type === 'base64') {
      file.file_data = dataUrl(media.mediaType ?? 'application/pdf', source.data);
    }
    if (media.name !== null) file.filename = media.name;
    else if (source.type === 'base64') file.filename = 'document.pdf';
    if (source.type !== 'url') return { type: 'file', file };
  }
  losses.reject(message.at, `holds ${media.kind} by ${source.type}, which chat does not take`);
  return null;
}

/** Chat accepts only text in a tool result; other content follows as a user's message. */
function writeToolResults(
  message: Message,
  into: JsonObject[],
  toolId: ToolId,
  losses: Losses,
): void {
  const moved: JsonObject[] = [];
  for (const block of message.content) {
    if (block.type !== 'tool_result') {
      losses.dropBlock(message, block);
      continue;
    }
    if (block.cache) losses.cacheMark(message.at);
    if (block.error) losses.approximate(message.at, 'is an error, marked in its text');
    into.push({
      role: 'tool',
      tool_call_id: toolId(block.id),
      content: writeResultText(block, message, moved, losses),
    });
  }
  if (moved.length === 0) return;
  losses.approximate(message.at, 'holds media, which follow in a message of the user');
  into.push({ role: 'user', content: moved });
}

function writeResultText(
  result: ToolResultBlock,
  message: Message,
  moved: JsonObject[],
  losses: Losses,
): unknown {
  const text = onlyText(result.content);
  const mark = result.error ? 'Error: ' : '';
  if (text !== null && (mark !== '' || result.content.length < 2)) return mark + text;
  const parts: JsonObject[] = mark === '' ? [] : [{ type: 'text', text: mark.trim() }];
  for (const block of result.content) {
    const part = writePart(block, message, losses);
    if (part?.type === 'text') parts.push(part);
    else if (part) {
      if (moved.length === 0) moved.push({ type: 'text', text: 'Content of the tool results:' });
      moved.push(part);
      parts.push({ type: 'text', text: '(See the next message.)' });
    }
  }
  return parts;
}

/** The fields of an assistant's message: always reasoning, text and calls, in this order. */
function writeAssistant(message: Message, toolId: ToolId, losses: Losses): JsonObject {
  const texts: Block[] = [];
  const calls: JsonObject[] = [];
  const written: JsonObject = { role: 'assistant', content: null };
  let last = 0;
  let ordered = true;
  for (const block of message.content) {
    const place = block.type === 'reasoning' ? 0 : block.type === 'tool_call' ? 2 : 1;
    if (place < last) ordered = false;
    last = place;
    if (block.type === 'tool_call') {
      if (block.cache) losses.cacheMark(message.at);
      calls.push(writeToolCall(block, toolId(block.id)));
    } else if (block.type === 'refusal') {
      written.refusal = block.text;
    } else if (block.type === 'unknown' && block.dialect === dialect && block.name === 'audio') {
      written.audio = block.raw;
    } else if (block.type !== 'reasoning') {
      texts.push(block);
    }
  }
  if (!ordered) losses.approximate(message.at, 'has an order of blocks that chat cannot hold');
  writeChatReasoning(message.content, written);
  if (texts.length > 0) written.content = writeContent(texts, message, losses);
  if (calls.length > 0) written.tool_calls = calls;
  return written;
}
