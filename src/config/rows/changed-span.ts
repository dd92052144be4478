/**
 * Skips what two lists have in common at their start and end: of a hundred thousand rows, a change
 * leaves few in between. Rows are the same if they are the same object.
 * @returns the first index that differs, and the end of the difference in either list.
 */
export function changedSpan(
  before: readonly unknown[],
  after: readonly unknown[],
): { first: number; end: number; endAfter: number } {
  const shorter = Math.min(before.length, after.length);
  let first = 0;
  while (first < shorter && before[first] === after[first]) first++;
  let end = before.length;
  let endAfter = after.length;
  while (end > first && endAfter > first && before[end - 1] === after[endAfter - 1]) {
    end--;
    endAfter--;
  }
  return { first, end, endAfter };
}
