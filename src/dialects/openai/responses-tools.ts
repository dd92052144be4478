import { keepUnknown, type Losses } from '../conversation/losses.js';
import {
  asList,
  asObject,
  flagAt,
  isObject,
  listAt,
  needText,
  objectAt,
  textAt,
  WrongField,
} from '../conversation/read.js';
import { dashedNames, type RenamedTools, targetToolName } from '../conversation/tool-names.js';
import type {
  ConversationRequest,
  JsonObject,
  Tool,
  ToolChoice,
  UnknownField,
} from '../conversation.js';
import { hasCacheMark } from './shared.js';

const dialect = 'openai.responses';

/** @param at the list's path. */
export function readResponsesTools(
  list: readonly unknown[],
  at: string,
  unknown: UnknownField[],
): Tool[] {
  return list.flatMap((item, i) => {
    const inner = `${at}[${i}]`;
    const tool = asObject(item, inner);
    if (tool.type !== 'namespace') return readTool(tool, null, inner, unknown);
    const namespace = needText(tool, 'name', inner);
    return asList(tool.tools, `${inner}.tools`).map((member, k) => {
      const place = `${inner}.tools[${k}]`;
      return readTool(asObject(member, place), namespace, place, unknown);
    });
  });
}

const toolFields = new Set(['type', 'name', 'description', 'parameters', 'strict', 'format']);

function readTool(
  tool: JsonObject,
  namespace: string | null,
  at: string,
  unknown: UnknownField[],
): Tool {
  const type = needText(tool, 'type', at);
  if (type === 'function' || type === 'custom') {
    keepUnknown(tool, toolFields, at, dialect, unknown);
  }
  if (type === 'function') {
    return {
      type,
      name: needText(tool, 'name', at),
      namespace,
      description: textAt(tool, 'description', at),
      schema: objectAt(tool, 'parameters', at),
      strict: flagAt(tool, 'strict', at),
      cache: null,
    };
  }
  if (type === 'custom') {
    const format = objectAt(tool, 'format', at);
    const definition = format && textAt(format, 'definition', `${at}.format`);
    return {
      type,
      name: needText(tool, 'name', at),
      namespace,
      description: textAt(tool, 'description', at),
      grammar: definition
        ? { syntax: needText(format, 'syntax', `${at}.format`), definition }
        : null,
    };
  }
  return { type: 'unknown', dialect, name: type, raw: tool };
}

export function readResponsesToolChoice(request: ConversationRequest, value: unknown): void {
  const at = 'tool_choice';
  if (value === null) return;
  if (value === 'auto' || value === 'none' || value === 'required') {
    request.toolChoice = { type: value };
    return;
  }
  if (!isObject(value)) throw new WrongField(at, "must be 'auto', 'none', 'required' or an object");
  if (value.type === 'function' || value.type === 'custom') {
    request.toolChoice = { type: 'tool', name: needText(value, 'name', at) };
  } else if (value.type === 'allowed_tools') {
    const names = (listAt(value, 'tools', at) ?? []).map((item, i) => {
      const inner = `${at}.tools[${i}]`;
      return needText(asObject(item, inner), 'name', inner);
    });
    const mode = value.mode === 'required' ? 'required' : 'auto';
    request.toolChoice = { type: 'allowed', mode, names };
  } else {
    request.unknown.push({ dialect, field: at, value, essential: false });
  }
}

/** Tools of one namespace are grouped, at the place of the first one. */
export function writeResponsesTools(
  tools: readonly Tool[],
  renamed: RenamedTools,
  losses: Losses,
): JsonObject[] {
  const written: JsonObject[] = [];
  const spaces = new Map<string, JsonObject[]>();
  tools.forEach((tool, i) => {
    const one = writeTool(tool, i, renamed, losses);
    if (!one) return;
    if (tool.type === 'unknown' || tool.namespace === null) {
      written.push(one);
      return;
    }
    const members = spaces.get(tool.namespace);
    if (members) {
      members.push(one);
      return;
    }
    const first = [one];
    spaces.set(tool.namespace, first);
    written.push({ type: 'namespace', name: tool.namespace, description: '', tools: first });
  });
  return written;
}

function writeTool(
  tool: Tool,
  index: number,
  renamed: RenamedTools,
  losses: Losses,
): JsonObject | null {
  if (tool.type === 'unknown') return losses.unknownTool(tool, index, dialect);
  // Only this dialect has namespaces, whose tools have names that it takes.
  const name = tool.namespace === null ? renamed.declare(tool, dashedNames, false) : tool.name;
  const written: JsonObject = { type: tool.type, name };
  if (tool.description !== null) written.description = tool.description;
  if (tool.type === 'custom') {
    if (tool.grammar) written.format = { type: 'grammar', ...tool.grammar };
    return written;
  }
  if (hasCacheMark(tool)) losses.cacheMark(`tools[${index}]`);
  written.parameters = tool.schema;
  written.strict = tool.strict;
  return written;
}

export function writeResponsesToolChoice(choice: ToolChoice, tools: readonly Tool[]): unknown {
  const named = (given: string) => {
    const custom = tools.some((tool) => tool.type === 'custom' && tool.name === given);
    const name = targetToolName({ name: given, namespace: null }, dashedNames);
    return { type: custom ? 'custom' : 'function', name };
  };
  if (choice.type === 'tool') return named(choice.name);
  if (choice.type !== 'allowed') return choice.type;
  return { type: 'allowed_tools', mode: choice.mode, tools: choice.names.map(named) };
}
