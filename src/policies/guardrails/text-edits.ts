import { type JsonText, placesIn } from '../../dialects/body/json-texts.js';
import type { Edit } from '../../dialects/head.js';
import type { Replacement } from './inspector.js';

/**
 * The edits of a body that replace parts of one of its texts; all other bytes stay, including
 * escapes in the same text.
 * @param replacements in order, without overlaps.
 */
export function editsOf(
  body: Buffer,
  text: JsonText,
  replacements: readonly Replacement[],
): Edit[] {
  if (replacements.length === 0) return [];
  if (text.kind === 'number') {
    // A number replaced by a placeholder becomes a string.
    const replaced = Buffer.from(JSON.stringify(withReplaced(text.text, replacements)));
    return [{ start: text.start, end: text.end, bytes: replaced }];
  }
  const places = placesIn(body, text);
  return replacements.map((each) => ({
    start: places[each.start] as number,
    end: places[each.end] as number,
    bytes: Buffer.from(JSON.stringify(each.text).slice(1, -1)),
  }));
}

export function withReplaced(text: string, replacements: readonly Replacement[]): string {
  let replaced = '';
  let place = 0;
  for (const each of replacements) {
    replaced += text.slice(place, each.start) + each.text;
    place = each.end;
  }
  return replaced + text.slice(place);
}
