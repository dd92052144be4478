import { keepUnknown, type Losses } from '../conversation/losses.js';
import {
  asObject,
  flagAt,
  isObject,
  listAt,
  needObject,
  needText,
  objectAt,
  textAt,
  WrongField,
} from '../conversation/read.js';
import {
  chosenToolName,
  dashedNames,
  type RenamedTools,
  targetToolName,
} from '../conversation/tool-names.js';
import type {
  Block,
  ConversationRequest,
  CustomTool,
  JsonObject,
  Tool,
  ToolCallBlock,
  ToolChoice,
  UnknownField,
} from '../conversation.js';

const dialect = 'openai.chat';

/** A call in a message of a request or an answer. */
export function readToolCall(value: unknown, at: string): Block {
  const call = asObject(value, at);
  const id = needText(call, 'id', at);
  const custom = call.type === 'custom';
  const what = needObject(call, custom ? 'custom' : 'function', at);
  const inner = `${at}.${custom ? 'custom' : 'function'}`;
  const name = needText(what, 'name', inner);
  const given = textAt(what, custom ? 'input' : 'arguments', inner) ?? '';
  const input = given.trim() === '' && !custom ? '{}' : given;
  return { type: 'tool_call', id, name, namespace: null, input, custom, cache: null };
}

/** A call in the form of messages in requests and answers. */
export function writeToolCall(
  call: Pick<ToolCallBlock, 'name' | 'namespace' | 'input' | 'custom'>,
  id: string,
): JsonObject {
  const name = targetToolName(call, dashedNames);
  return call.custom
    ? { id, type: 'custom', custom: { name, input: call.input } }
    : { id, type: 'function', function: { name, arguments: call.input } };
}

const toolFields = new Set(['name', 'description', 'parameters', 'strict', 'format']);

export function readChatTool(value: unknown, index: number, unknown: UnknownField[]): Tool {
  const at = `tools[${index}]`;
  const tool = asObject(value, at);
  const type = needText(tool, 'type', at);
  if (type === 'function') {
    const from = needObject(tool, 'function', at);
    const inner = `${at}.function`;
    keepUnknown(from, toolFields, inner, dialect, unknown);
    return {
      type,
      name: needText(from, 'name', inner),
      namespace: null,
      description: textAt(from, 'description', inner),
      schema: objectAt(from, 'parameters', inner),
      strict: flagAt(from, 'strict', inner),
      cache: null,
    };
  }
  if (type === 'custom') {
    const from = needObject(tool, 'custom', at);
    const inner = `${at}.custom`;
    return {
      type,
      name: needText(from, 'name', inner),
      namespace: null,
      description: textAt(from, 'description', inner),
      grammar: readGrammar(objectAt(from, 'format', inner) ?? {}, `${inner}.format`),
    };
  }
  return { type: 'unknown', dialect, name: type, raw: tool };
}

/** `{ syntax, definition }`; null for a tool that takes any text. */
function readGrammar(format: JsonObject, at: string): CustomTool['grammar'] {
  const from = objectAt(format, 'grammar', at);
  const inner = `${at}.grammar`;
  const definition = from && textAt(from, 'definition', inner);
  return definition ? { syntax: needText(from, 'syntax', inner), definition } : null;
}

export function readChatToolChoice(value: unknown): ToolChoice | null {
  const at = 'tool_choice';
  if (value === null) return null;
  if (value === 'auto' || value === 'none' || value === 'required') return { type: value };
  if (!isObject(value)) throw new WrongField(at, "must be 'auto', 'none', 'required' or an object");
  if (value.type === 'allowed_tools') {
    const allowed = needObject(value, 'allowed_tools', at);
    const names = (listAt(allowed, 'tools', `${at}.allowed_tools`) ?? []).map((item, i) => {
      const inner = `${at}.allowed_tools.tools[${i}]`;
      const tool = asObject(item, inner);
      const what = objectAt(tool, 'function', inner) ?? objectAt(tool, 'custom', inner) ?? tool;
      return needText(what, 'name', inner);
    });
    return { type: 'allowed', mode: allowed.mode === 'required' ? 'required' : 'auto', names };
  }
  const custom = value.type === 'custom';
  const from = needObject(value, custom ? 'custom' : 'function', at);
  return { type: 'tool', name: needText(from, 'name', `${at}.${custom ? 'custom' : 'function'}`) };
}

export function writeChatTool(
  tool: Tool,
  index: number,
  renamed: RenamedTools,
  losses: Losses,
): JsonObject | null {
  if (tool.type === 'unknown') return losses.unknownTool(tool, index, dialect);
  const written: JsonObject = { name: renamed.declare(tool, dashedNames, false) };
  if (tool.description !== null) written.description = tool.description;
  if (tool.type === 'custom') {
    if (tool.grammar) written.format = { type: 'grammar', grammar: tool.grammar };
    return { type: 'custom', custom: written };
  }
  if (tool.cache) losses.cacheMark(`tools[${index}]`);
  if (tool.schema) written.parameters = tool.schema;
  if (tool.strict !== null) written.strict = tool.strict;
  return { type: 'function', function: written };
}

export function writeChatToolChoice({ toolChoice, tools }: ConversationRequest): unknown {
  if (!toolChoice) return 'auto';
  const named = (given: string) => {
    const name = chosenToolName(given, tools, dashedNames);
    return tools.some((tool) => tool.type === 'custom' && tool.name === given)
      ? { type: 'custom', custom: { name } }
      : { type: 'function', function: { name } };
  };
  if (toolChoice.type === 'tool') return named(toolChoice.name);
  if (toolChoice.type !== 'allowed') return toolChoice.type;
  const allowed = { mode: toolChoice.mode, tools: toolChoice.names.map(named) };
  return { type: 'allowed_tools', allowed_tools: allowed };
}
