/** The longest run of letters, of marks or of white space encoded in one piece. */
export const maxRunCharacters = 256;

/**
 * Cuts a text inside runs longer than any word. An encoding merges within such runs in time
 * quadratic in their length: 100,000 times the letter a would take 9 s. A cut changes the count by
 * at most one token.
 */
export function cutLongRuns(text: string): string[] {
  if (text.length <= maxRunCharacters) return [text];
  const pieces: string[] = [];
  let start = 0;
  for (const { 0: run, index } of text.matchAll(runs)) {
    const end = index + run.length;
    for (let cut = index + maxRunCharacters; cut < end; cut += maxRunCharacters) {
      if (isLowSurrogate(text.charCodeAt(cut))) cut -= 1;
      pieces.push(text.slice(start, cut));
      start = cut;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Runs that the encodings' patterns never divide; they take digits three at a time. */
const runs = /[\p{L}\p{M}]+|\s+|[^\s\p{L}\p{N}]+/gu;

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
