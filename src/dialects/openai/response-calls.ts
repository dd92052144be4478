import { countAt, isObject, objectAt } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import type { AnswerBytes } from '../find-usage.js';
import { valuesWith } from '../stream/answer-values.js';
import { noClasses, plusTools, type TokenUsage, type ToolUse, withToolUse } from '../usage.js';
import { readUsage } from './usage.js';
import { readUsageObject } from './usage-classes.js';

/** The type of an item of any of these kinds ends with one. */
const marks = ['_search_call"', '_generation_call"', '_interpreter_call"'];
const charged: ReadonlySet<unknown> = new Set([
  ...['web_search_call', 'file_search_call', 'image_generation_call', 'code_interpreter_call'],
]);

/** The usage that an answer reports, with that of the tools among the items of its output. */
export function readUsageWithCalls(answer: AnswerBytes): TokenUsage | null {
  const usage = readUsage(answer);
  return usage && withToolUse(usage, readToolUse(answer));
}

/** Use of the provider's tools, also of a stream that was cut short; null where there was none. */
export function readToolUse(answer: AnswerBytes): ToolUse | null {
  const values = valuesWith(answer, '_call"', marks, '"tool_usage"');
  if (values.length === 0) return null;
  const response = values.map((value) => value.response ?? value).findLast(isOutput) ?? {};
  const done = values.filter(({ type }) => type === 'response.output_item.done');
  const items = done.map(({ item }) => item);
  return toolUse(response, items);
}

/**
 * The usage of a response, with that of the tools among the items of its output.
 * @param done items of its stream, which its last event may leave out.
 */
export function readResponseUsage(response: JsonObject, done: readonly unknown[] = []) {
  const usage = readUsageObject(objectAt(response, 'usage', ''));
  return usage && plusTools(usage, toolUse(response, done));
}

/** True for an item that may be charged for. */
export function isCall({ type }: JsonObject): boolean {
  return charged.has(type);
}

function toolUse(response: JsonObject, done: readonly unknown[]): ToolUse {
  const { output } = response;
  const items = [...done, ...(Array.isArray(output) ? output : [])].filter(isObject);
  const count = (isMeant: (item: JsonObject) => boolean, idOf = (item: JsonObject) => item.id) =>
    new Set(items.filter(isMeant).map((item) => idOf(item) ?? item)).size;
  const told = toldUse(response, 'image_gen');
  return {
    ...noClasses,
    imageInput: countAt(told, 'input_tokens'),
    imageOutput: countAt(told, 'output_tokens'),
    images: count(isPicture),
    searches: countAt(toldUse(response, 'web_search'), 'num_requests') || count(isSearch),
    fileSearches: count(({ type }) => type === 'file_search_call'),
    containers: count(
      ({ type }) => type === 'code_interpreter_call',
      ({ container_id, id }) => container_id ?? id,
    ),
  };
}

function toldUse({ tool_usage }: JsonObject, tool: string): JsonObject | null {
  const told = isObject(tool_usage) ? tool_usage[tool] : null;
  return isObject(told) ? told : null;
}

/** Opening a found page, or searching in it, is free. */
function isSearch({ type, action }: JsonObject): boolean {
  return type === 'web_search_call' && (!isObject(action) || action.type === 'search');
}

function isPicture({ type, status }: JsonObject): boolean {
  return type === 'image_generation_call' && status !== 'failed';
}

function isOutput(value: unknown): value is JsonObject {
  return isObject(value) && Array.isArray(value.output);
}
