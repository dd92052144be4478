/** The words of a text, separated by commas or lines. */
export function wordsIn(text: string): string[] {
  return text
    .split(/[\n,]+/)
    .map((word) => word.trim())
    .filter(Boolean);
}
