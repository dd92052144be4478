import type { RequestTarget, WrittenRequest } from '../codec.js';
import { budgetOf } from '../conversation/effort.js';
import { answerTool, formatAsTool } from '../conversation/format-tool.js';
import { Losses } from '../conversation/losses.js';
import { mapPresent } from '../conversation/read.js';
import {
  chosenToolName,
  customToolSchema,
  dashedNames,
  RenamedTools,
  targetToolName,
} from '../conversation/tool-names.js';
import { textAndRest } from '../conversation/tool-results.js';
import type {
  Block,
  ConversationRequest,
  JsonObject,
  MediaBlock,
  Message,
  Tool,
  ToolChoice,
} from '../conversation.js';
import { imageUrl } from '../openai/shared.js';

/** A request of version 2 of Cohere's chat. */
export function writeCohereRequest(
  given: ConversationRequest,
  target: RequestTarget,
): WrittenRequest {
  const losses = new Losses();
  const renamed = new RenamedTools();
  // A response schema and tools exclude each other.
  const request = given.tools.length > 0 ? formatAsTool(given, false, losses) : given;
  if (request !== given) {
    renamed.add(answerTool, { name: answerTool, namespace: null, kind: 'format' });
  }
  const body: JsonObject = { model: target.model, stream: request.stream };
  body.messages = request.messages.flatMap((message) => writeMessage(message, losses));
  const tools = mapPresent(request.tools, (tool, i) => writeTool(tool, i, renamed, losses));
  if (tools.length > 0) body.tools = tools;
  if (request.toolChoice && tools.length > 0)
    writeToolChoice(request.toolChoice, request.tools, body, losses);
  if (request.format) {
    const { format } = request;
    body.response_format =
      format.type === 'json'
        ? { type: 'json_object' }
        : { type: 'json_object', json_schema: format.schema };
  }
  if (request.reasoning) writeThinking(request.reasoning, body);
  writeSampling(request, body, losses);
  if (request.parallelTools === false) losses.drop('parallelTools', 'has no counterpart');
  losses.dropFields(request, ['logprobs', 'choices', 'user']);
  for (const { field, essential } of request.unknown) {
    if (essential) losses.reject(field, 'has no counterpart, and cannot be left out');
    else losses.drop(field, 'has no counterpart');
  }
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list, renamed: renamed.map };
}

function writeSampling(request: ConversationRequest, body: JsonObject, losses: Losses): void {
  const { maxTokens, temperature, topP, topK, stop, seed } = request;
  if (maxTokens !== null) body.max_tokens = maxTokens;
  if (temperature !== null) body.temperature = losses.clamp('temperature', temperature, 0, 1);
  if (topP !== null) body.p = losses.clamp('topP', topP, 0.01, 0.99);
  if (topK !== null) body.k = losses.clamp('topK', topK, 0, 500);
  if (stop.length > 0) body.stop_sequences = stop;
  if (seed !== null) body.seed = seed;
  for (const [field, name] of [
    ['presencePenalty', 'presence_penalty'],
    ['frequencyPenalty', 'frequency_penalty'],
  ] as const) {
    const value = request[field];
    if (value !== null) body[name] = losses.clamp(field, value, 0, 1);
  }
}

function writeThinking(
  { effort, budget }: NonNullable<ConversationRequest['reasoning']>,
  body: JsonObject,
): void {
  const tokens = budget ?? (effort === null ? -1 : budgetOf(effort));
  if (tokens === 0) body.thinking = { type: 'disabled' };
  else if (tokens > 0) body.thinking = { type: 'enabled', token_budget: tokens };
  else body.thinking = { type: 'enabled' };
}

function writeTool(
  tool: Tool,
  index: number,
  renamed: RenamedTools,
  losses: Losses,
): JsonObject | null {
  if (tool.type === 'unknown') {
    losses.drop(`tools[${index}]`, `is of the kind '${tool.name}', which has no counterpart`);
    return null;
  }
  const name = renamed.declare(tool, dashedNames, true);
  const described = tool.description === null ? {} : { description: tool.description };
  if (tool.type === 'custom') {
    losses.customAsFunction(tool, index);
    return { type: 'function', function: { name, ...described, parameters: customToolSchema } };
  }
  if (tool.cache) losses.cacheMark(`tools[${index}]`);
  const parameters = tool.schema ?? { type: 'object', properties: {} };
  return { type: 'function', function: { name, ...described, parameters } };
}

/** A single tool cannot be forced by name, but can be the only one given. */
function writeToolChoice(
  choice: ToolChoice,
  given: readonly Tool[],
  body: JsonObject,
  losses: Losses,
): void {
  if (choice.type === 'none') body.tool_choice = 'NONE';
  else if (choice.type === 'required') body.tool_choice = 'REQUIRED';
  else if (choice.type === 'tool' || choice.type === 'allowed') {
    const chosen = choice.type === 'tool' ? [choice.name] : choice.names;
    const names = chosen.map((name) => chosenToolName(name, given, dashedNames));
    const tools = body.tools as { function: { name: string } }[];
    body.tools = tools.filter((tool) => names.includes(tool.function.name));
    if (choice.type === 'tool' || choice.mode === 'required') body.tool_choice = 'REQUIRED';
    losses.approximate('toolChoice', 'is told by leaving out the other tools');
  }
}

function writeMessage(message: Message, losses: Losses): JsonObject[] {
  switch (message.role) {
    case 'tool':
      return writeToolResults(message, losses);
    case 'assistant':
      return [writeAssistant(message, losses)];
    default:
      return [{ role: message.role, content: writeContent(message.content, message, losses) }];
  }
}

/** A string where one is enough. */
function writeContent(content: readonly Block[], message: Message, losses: Losses): unknown {
  const parts = mapPresent(content, (block) => writePart(block, message, losses));
  const [only] = parts;
  return parts.length === 1 && only?.type === 'text' ? only.text : parts;
}

function writePart(block: Block, message: Message, losses: Losses): JsonObject | null {
  if ('cache' in block && block.cache) losses.cacheMark(message.at);
  if (block.type === 'text') return { type: 'text', text: block.text };
  if (block.type === 'refusal') return { type: 'text', text: block.text };
  if (block.type === 'media') return writeMedia(block, message, losses);
  losses.dropBlock(message, block);
  return null;
}

function writeMedia(media: MediaBlock, message: Message, losses: Losses): JsonObject | null {
  const { kind, source } = media;
  const url = kind === 'image' ? imageUrl(media) : null;
  if (url !== null) return { type: 'image_url', image_url: { url } };
  if (kind === 'document' && source.type === 'text') return { type: 'text', text: source.text };
  losses.reject(message.at, `holds ${kind} by ${source.type}, which Cohere does not take`);
  return null;
}

/** Text before tool calls is their plan. */
function writeAssistant(message: Message, losses: Losses): JsonObject {
  const calls: JsonObject[] = [];
  const content: JsonObject[] = [];
  for (const block of message.content) {
    if (block.type === 'tool_call') {
      if (block.cache) losses.cacheMark(message.at);
      const name = targetToolName(block, dashedNames);
      const input = block.custom ? JSON.stringify({ input: block.input }) : block.input;
      calls.push({ id: block.id, type: 'function', function: { name, arguments: input } });
    } else if (block.type === 'reasoning') {
      if (block.text !== '') content.push({ type: 'thinking', thinking: block.text });
    } else {
      const part = writePart(block, message, losses);
      if (part) content.push(part);
    }
  }
  const written: JsonObject = { role: 'assistant' };
  if (calls.length === 0) {
    const [only] = content;
    written.content = content.length === 1 && only?.type === 'text' ? only.text : content;
    return written;
  }
  const plan = content.map(({ text, thinking }) => text ?? thinking).join('\n');
  if (plan !== '') written.tool_plan = plan;
  written.tool_calls = calls;
  return written;
}

function writeToolResults(message: Message, losses: Losses): JsonObject[] {
  const moved: JsonObject[] = [];
  const results = mapPresent(message.content, (block) => {
    if (block.type !== 'tool_result') {
      losses.dropBlock(message, block);
      return null;
    }
    if (block.cache) losses.cacheMark(message.at);
    if (block.error) losses.approximate(message.at, 'is an error, marked in its text');
    const { text, rest } = textAndRest(block.content);
    for (const other of rest) {
      const part = writePart(other, message, losses);
      if (part) moved.push(part);
    }
    const data = block.error ? `Error: ${text}` : text;
    return { role: 'tool', tool_call_id: block.id, content: data };
  });
  if (moved.length === 0) return results;
  losses.approximate(message.at, 'holds media, which follow in a message of the user');
  return [...results, { role: 'user', content: moved }];
}
