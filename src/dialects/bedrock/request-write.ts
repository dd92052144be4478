import { abilitiesOf } from '../anthropic/models.js';
import type { RequestTarget, WrittenRequest } from '../codec.js';
import { answerTool, formatAsTool } from '../conversation/format-tool.js';
import { Losses } from '../conversation/losses.js';
import { calledTools } from '../conversation/tool-ids.js';
import {
  chosenToolName,
  customToolSchema,
  dashedNames,
  RenamedTools,
  targetToolName,
} from '../conversation/tool-names.js';
import type {
  Block,
  ConversationRequest,
  Format,
  JsonObject,
  Message,
  Tool,
  ToolChoice,
} from '../conversation.js';
import { pushAll } from '../push-all.js';
import { cachePoint, writeBlocks } from './block-write.js';
import { writeThinking } from './thinking.js';

const dialect = 'bedrock.converse';

/** The path contains the model, and whether to stream. */
export function writeConverseRequest(
  given: ConversationRequest,
  target: RequestTarget,
): WrittenRequest {
  const losses = new Losses();
  const renamed = new RenamedTools();
  const body: JsonObject = {};
  const claude = /claude/.test(target.model) ? abilitiesOf(target.model) : null;
  const extra: JsonObject = {};
  const output: JsonObject = {};
  const thinks = writeThinking(given, claude, extra, output, losses);
  const native = claude?.schemas === true && given.format?.type === 'schema';
  const request = native ? given : formatAsTool(given, thinks, losses);
  if (request !== given) {
    renamed.add(answerTool, { name: answerTool, namespace: null, kind: 'format' });
  } else if (given.format?.type === 'schema') output.textFormat = writeFormat(given.format);
  writeMessages(request.messages, body, losses);
  const config = writeInference(request, thinks, losses);
  if (Object.keys(config).length > 0) body.inferenceConfig = config;
  writeToolConfig(request, body, renamed, losses);
  if (request.topK !== null && !thinks) {
    if (claude) extra.top_k = request.topK;
    else losses.drop('topK', 'has no counterpart for this model');
  }
  if (Object.keys(extra).length > 0) body.additionalModelRequestFields = extra;
  if (Object.keys(output).length > 0) body.outputConfig = output;
  if (request.parallelTools === false) losses.drop('parallelTools', 'has no counterpart');
  losses.dropFields(request, [
    ...(['seed', 'presencePenalty', 'frequencyPenalty', 'logprobs', 'choices', 'user'] as const),
  ]);
  losses.unknownFields(request, dialect, body);
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list, renamed: renamed.map };
}

/** Users and assistants must alternate, so consecutive messages of one side are merged. */
function writeMessages(messages: readonly Message[], body: JsonObject, losses: Losses): void {
  const written: { role: string; content: JsonObject[]; thought: boolean }[] = [];
  const system: JsonObject[] = [];
  for (const message of messages) {
    const content = writeBlocks(message.content, message, losses);
    if (message.role === 'system' && written.length === 0) {
      pushAll(system, content);
      continue;
    }
    if (message.role === 'system') content.unshift({ text: losses.systemInMiddle(message) });
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const thought = message.content.some(isThought);
    const last = written.at(-1);
    // Thoughts are only valid in their own turn.
    if (last?.role === role && !(thought || last.thought)) pushAll(last.content, content);
    else if (content.length > 0) written.push({ role, content, thought });
  }
  if (system.length > 0) body.system = system;
  body.messages = written.map(({ role, content }) => ({ role, content }));
}

function isThought(block: Block): boolean {
  return block.type === 'reasoning';
}

function writeFormat(format: Extract<Format, { type: 'schema' }>): JsonObject {
  const jsonSchema: JsonObject = { schema: JSON.stringify(format.schema) };
  if (format.name !== null) jsonSchema.name = format.name;
  if (format.description !== null) jsonSchema.description = format.description;
  return { type: 'json_schema', structure: { jsonSchema } };
}

function writeInference(request: ConversationRequest, thinks: boolean, losses: Losses): JsonObject {
  const config: JsonObject = {};
  if (request.maxTokens !== null) config.maxTokens = request.maxTokens;
  if (request.stop.length > 0) config.stopSequences = request.stop;
  if (thinks) {
    losses.dropFields(request, ['temperature', 'topP', 'topK']);
    return config;
  }
  if (request.temperature !== null) {
    config.temperature = losses.clamp('temperature', request.temperature, 0, 1);
  }
  if (request.topP !== null) config.topP = request.topP;
  return config;
}

function writeToolConfig(
  request: ConversationRequest,
  body: JsonObject,
  renamed: RenamedTools,
  losses: Losses,
): void {
  const choice = request.toolChoice;
  const isAllowed = losses.allowedOnly(choice);
  const tools = request.tools.flatMap((tool, i) =>
    isAllowed(tool) ? writeTool(tool, i, renamed, losses) : [],
  );
  const called = calledTools(request.messages);
  if (choice?.type === 'none') {
    if (called.size === 0) return;
    losses.approximate('toolChoice', 'the model is not kept from calling tools');
  }
  // Calls in the conversation are refused if no tools are given.
  if (tools.length === 0) {
    for (const name of new Set(called.values())) tools.push(emptyTool(name));
  }
  if (tools.length === 0) return;
  const config: JsonObject = { tools };
  if (choice) config.toolChoice = writeToolChoice(choice, request.tools);
  body.toolConfig = config;
}

function emptyTool(name: string): JsonObject {
  const json = { type: 'object', properties: {} };
  const targetName = targetToolName({ name, namespace: null }, dashedNames);
  return { toolSpec: { name: targetName, description: targetName, inputSchema: { json } } };
}

function writeTool(tool: Tool, index: number, renamed: RenamedTools, losses: Losses): JsonObject[] {
  if (tool.type === 'unknown') {
    const own = losses.unknownTool(tool, index, dialect);
    return own ? [own] : [];
  }
  const spec: JsonObject = { name: renamed.declare(tool, dashedNames, true) };
  if (tool.description) spec.description = tool.description;
  if (tool.type === 'custom') {
    losses.customAsFunction(tool, index);
    spec.inputSchema = { json: customToolSchema };
    return [{ toolSpec: spec }];
  }
  spec.inputSchema = { json: { type: 'object', ...tool.schema } };
  if (tool.strict !== null) spec.strict = tool.strict;
  return tool.cache ? [{ toolSpec: spec }, cachePoint(tool.cache)] : [{ toolSpec: spec }];
}

function writeToolChoice(choice: ToolChoice, tools: readonly Tool[]): JsonObject {
  if (choice.type === 'tool') {
    return { tool: { name: chosenToolName(choice.name, tools, dashedNames) } };
  }
  const type = choice.type === 'allowed' ? choice.mode : choice.type;
  return type === 'required' ? { any: {} } : { auto: {} };
}
