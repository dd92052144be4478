import type { JsonText } from '../../dialects/body/json-texts.js';
import type { Match } from './match.js';

/** A match that begins in one part of a message and ends in a later one. */
export interface Span {
  /** In the joined texts. */
  readonly match: Match;
  readonly text: string;
  /** The part of each text that it covers, in order. */
  readonly pieces: readonly { index: number; start: number; end: number }[];
}

/** The texts that a model reads as one: indexes of consecutive parts of the same content. */
export function joinedTexts(texts: readonly Pick<JsonText, 'at' | 'kind'>[]): number[][] {
  const groups: number[][] = [];
  let before: string | null = null;
  for (const [index, { at, kind }] of texts.entries()) {
    const content = kind === 'text' ? (partOfContent.exec(at)?.[1] ?? null) : null;
    if (content !== null && content === before) groups.at(-1)?.push(index);
    else groups.push([index]);
    before = content;
  }
  return groups.filter((group) => group.length > 1);
}

const partOfContent = /^(.+)\[\d+\]\.text$/;

/** The matches over the bounds of these texts. @param find in the texts as one. */
export function spansIn(
  texts: readonly Pick<JsonText, 'text'>[],
  group: readonly number[],
  find: (joined: string) => readonly Match[],
): Span[] {
  const joined = group.map((index) => texts[index]?.text ?? '').join('');
  return find(joined).flatMap((match) => {
    const pieces: { index: number; start: number; end: number }[] = [];
    let at = 0;
    for (const index of group) {
      const { length } = texts[index]?.text ?? '';
      const start = Math.max(match.start - at, 0);
      const end = Math.min(match.end - at, length);
      if (start < end) pieces.push({ index, start, end });
      at += length;
    }
    return pieces.length > 1 ? { match, text: joined.slice(match.start, match.end), pieces } : [];
  });
}
