import { countAt, isObject, objectAt } from '../conversation/read.js';
import type { JsonObject, Usage } from '../conversation.js';
import { valuesWith } from '../stream/answer-values.js';
import { type AnswerBytes, classesOf, type TokenUsage } from '../usage.js';
import { readUsage } from './usage.js';
import { readUsageObject } from './usage-classes.js';

/** The type of an item of either kind ends with it. */
const mark = '_search_call"';

/** Calls of a provider's own tools that it charges for beside the tokens. */
type Calls = Pick<Usage, 'searches' | 'fileSearches'>;

/** The usage that an answer reports, with the searches among the items of its output. */
export function readUsageWithCalls(answer: AnswerBytes): TokenUsage | null {
  const usage = readUsage(answer);
  const values = usage ? valuesWith(answer, mark, '"tool_usage"') : [];
  if (!usage || values.length === 0) return usage;
  const response = values.map((value) => value.response ?? value).findLast(isOutput) ?? {};
  const done = values.filter(({ type }) => type === 'response.output_item.done');
  const items = done.map(({ item }) => item);
  return { ...usage, classes: withCalls(classesOf(usage), response, items) };
}

/**
 * The usage of a response, with the searches among the items of its output.
 * @param done items of its stream, which its last event may leave out.
 */
export function readResponseUsage(response: JsonObject, done: readonly unknown[] = []) {
  const usage = readUsageObject(objectAt(response, 'usage', ''));
  return usage && withCalls(usage, response, done);
}

/** True for an item that may be charged for. */
export function isCall({ type }: JsonObject): boolean {
  return type === 'web_search_call' || type === 'file_search_call';
}

function withCalls<U extends Calls>(usage: U, response: JsonObject, done: readonly unknown[]): U {
  const { output } = response;
  const items = [...done, ...(Array.isArray(output) ? output : [])].filter(isObject);
  const count = (isMeant: (item: JsonObject) => boolean) =>
    new Set(items.filter(isMeant).map((item) => item.id ?? item)).size;
  return {
    ...usage,
    searches: toldSearches(response) || usage.searches || count(isSearch),
    fileSearches: usage.fileSearches || count(({ type }) => type === 'file_search_call'),
  };
}

function toldSearches({ tool_usage }: JsonObject): number {
  const told = isObject(tool_usage) ? tool_usage.web_search : null;
  return countAt(isObject(told) ? told : null, 'num_requests');
}

/** Opening a found page, or searching in it, is free. */
function isSearch({ type, action }: JsonObject): boolean {
  return type === 'web_search_call' && (!isObject(action) || action.type === 'search');
}

function isOutput(value: unknown): value is JsonObject {
  return isObject(value) && Array.isArray(value.output);
}
