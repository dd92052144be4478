import { isObject } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import { parsedJson } from '../errors/answer-error.js';
import type { AnswerBytes } from '../find-usage.js';
import { readEvents } from '../sse.js';

/**
 * The values of an answer that contain one of some texts: its JSON, or those of the events of a
 * stream; none where no mark is in it. A value that is not kept whole is left out.
 * @param rare in every mark: one search tells that most answers have none.
 * @param marks like `others`, texts that a model cannot write, such as a name with a quote.
 */
export function valuesWith(
  answer: AnswerBytes,
  rare: string,
  marks: readonly string[],
  ...others: readonly string[]
): JsonObject[] {
  const bytes = answer.whole();
  if (!bytes.includes(rare) || !marks.some((mark) => bytes.includes(mark))) return [];
  const events = readEvents(bytes);
  const texts = events.length > 0 ? events.map(({ data }) => data) : [bytes.toString()];
  const wanted = [...marks, ...others];
  const found = texts.filter((text) => wanted.some((mark) => text.includes(mark)));
  return found.map(parsedJson).filter(isObject);
}
