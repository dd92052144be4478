import { isObject } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import { parsedJson } from '../errors/answer-error.js';
import { readEvents } from '../sse.js';
import type { AnswerBytes } from '../usage.js';

/**
 * The values of an answer that contain one of two texts: its JSON, or those of the events of a
 * stream; none where the first is not in it. A value that is not kept whole is left out.
 * @param mark like the other, no part of what a model wrote, such as a name with a quote.
 */
export function valuesWith(answer: AnswerBytes, mark: string, other = mark): JsonObject[] {
  const bytes = answer.whole();
  if (!bytes.includes(mark)) return [];
  const events = readEvents(bytes);
  const texts = events.length > 0 ? events.map(({ data }) => data) : [bytes.toString()];
  const found = texts.filter((text) => text.includes(mark) || text.includes(other));
  return found.map(parsedJson).filter(isObject);
}
