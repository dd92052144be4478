import type { RequestTarget, WrittenRequest } from '../codec.js';
import { answerTool, formatAsTool } from '../conversation/format-tool.js';
import { Losses } from '../conversation/losses.js';
import { mapPresent } from '../conversation/read.js';
import {
  chosenToolName,
  customToolSchema,
  dashedNames,
  RenamedTools,
} from '../conversation/tool-names.js';
import type {
  ConversationRequest,
  JsonObject,
  Message,
  Tool,
  ToolChoice,
} from '../conversation.js';
import { pushAll } from '../push-all.js';
import { marked, writeBlock } from './block-write.js';
import { abilitiesOf, type ClaudeAbilities } from './models.js';
import { writeClaudeThinking } from './thinking.js';

const dialect = 'anthropic.messages';
/**
 * Used if neither the client nor the price table has a maximum; every Claude since 3 supports it.
 */
const usualMaxTokens = 4096;

export function writeMessagesRequest(
  given: ConversationRequest,
  target: RequestTarget,
): WrittenRequest {
  const losses = new Losses();
  const renamed = new RenamedTools();
  const abilities = abilitiesOf(target.model);
  const body: JsonObject = { model: target.model };
  body.max_tokens = given.maxTokens ?? target.maxOutputTokens ?? usualMaxTokens;
  const thinks = writeThinking(given, body, abilities, losses);
  const native = abilities.schemas && given.format?.type === 'schema';
  const request = native ? given : formatAsTool(given, thinks, losses);
  if (request !== given) {
    renamed.add(answerTool, { name: answerTool, namespace: null, kind: 'format' });
  }
  if (native && given.format?.type === 'schema') writeSchema(given.format.schema, body);
  writeMessages(request.messages, body, losses);
  if (request.stream) body.stream = true;
  writeTools(request, body, renamed, losses);
  writeSampling(request, body, thinks, losses);
  if (request.user !== null) body.metadata = { user_id: request.user };
  losses.dropFields(request, [
    ...(['seed', 'presencePenalty', 'frequencyPenalty', 'logprobs', 'choices'] as const),
  ]);
  losses.unknownFields(request, dialect, body);
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list, renamed: renamed.map };
}

/**
 * Writes the system prompt and the messages. Tool results and the user's next message are merged.
 */
function writeMessages(messages: readonly Message[], body: JsonObject, losses: Losses): void {
  const written: { role: string; content: JsonObject[] }[] = [];
  const system: JsonObject[] = [];
  let afterTool = false;
  for (const message of messages) {
    const content = mapPresent(message.content, (block) => writeBlock(block, message, losses));
    if (message.role === 'system') {
      if (written.length === 0) pushAll(system, content);
      else {
        const label = { type: 'text', text: losses.systemInMiddle(message) };
        written.push({ role: 'user', content: [label, ...content] });
      }
      continue;
    }
    const last = written.at(-1);
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    // All results of one turn must be in the single message after it.
    if (afterTool && role === 'user' && last) pushAll(last.content, content);
    // The API refuses a message without content, which means nothing.
    else if (content.length > 0) written.push({ role, content });
    afterTool = message.role === 'tool';
  }
  if (system.length > 0) body.system = system;
  body.messages = written;
}

/** @returns true if the model is to think. */
function writeThinking(
  request: ConversationRequest,
  body: JsonObject,
  abilities: ClaudeAbilities,
  losses: Losses,
): boolean {
  const most = body.max_tokens as number;
  const { thinking, effort } = writeClaudeThinking(request, most, abilities, losses);
  if (effort !== null) body.output_config = { effort };
  if (!thinking) return false;
  body.thinking = thinking;
  return thinking.type !== 'disabled';
}

function writeSchema(schema: JsonObject, body: JsonObject): void {
  const config = (body.output_config ?? {}) as JsonObject;
  body.output_config = { ...config, format: { type: 'json_schema', schema } };
}

function writeTools(
  request: ConversationRequest,
  body: JsonObject,
  renamed: RenamedTools,
  losses: Losses,
): void {
  const choice = request.toolChoice;
  const isAllowed = losses.allowedOnly(choice);
  const tools = mapPresent(request.tools, (tool, i) =>
    isAllowed(tool) ? writeTool(tool, i, renamed, losses) : null,
  );
  if (tools.length === 0) return;
  body.tools = tools;
  if (!choice && request.parallelTools === null) return;
  const written = writeToolChoice(choice, request.tools);
  if (request.parallelTools !== null && written.type !== 'none') {
    written.disable_parallel_tool_use = !request.parallelTools;
  }
  body.tool_choice = written;
}

function writeTool(
  tool: Tool,
  index: number,
  renamed: RenamedTools,
  losses: Losses,
): JsonObject | null {
  if (tool.type === 'unknown') return losses.unknownTool(tool, index, dialect);
  const written: JsonObject = { name: renamed.declare(tool, dashedNames, true) };
  if (tool.description !== null) written.description = tool.description;
  if (tool.type === 'custom') {
    losses.customAsFunction(tool, index);
    written.input_schema = customToolSchema;
    return written;
  }
  written.input_schema = { type: 'object', ...tool.schema };
  if (tool.strict !== null) written.strict = tool.strict;
  return marked(written, tool.cache);
}

function writeToolChoice(choice: ToolChoice | null, tools: readonly Tool[]): JsonObject {
  if (!choice) return { type: 'auto' };
  if (choice.type === 'tool') {
    return { type: 'tool', name: chosenToolName(choice.name, tools, dashedNames) };
  }
  const type = choice.type === 'allowed' ? choice.mode : choice.type;
  return { type: type === 'required' ? 'any' : type };
}

function writeSampling(
  request: ConversationRequest,
  body: JsonObject,
  thinks: boolean,
  losses: Losses,
): void {
  if (request.stop.length > 0) body.stop_sequences = request.stop;
  if (thinks) {
    losses.dropFields(request, ['temperature', 'topK']);
    // The only range that thinking allows.
    if (request.topP !== null) body.top_p = losses.clamp('topP', request.topP, 0.95, 1);
    return;
  }
  if (request.temperature !== null) {
    body.temperature = losses.clamp('temperature', request.temperature, 0, 1);
  }
  if (request.topP !== null) body.top_p = request.topP;
  if (request.topK !== null) body.top_k = request.topK;
}
