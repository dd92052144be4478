/** The most likely intended one of these names for a misspelt one; null when none is near. */
function nearest(written: string, names: readonly string[]): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const name of names) {
    if (written.length > 2 * name.length) continue;
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    // A name that shares no letter is not meant.
    const longest = Math.max(written.length, name.length);
    const allowed = Math.min(longest - 1, Math.max(1, Math.floor(name.length / 3)));
    if (distance <= allowed && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) {
      best = { name, distance };
    }
  }
  return best?.name ?? null;
}

/** Comparing with more names would delay other requests. */
const maxCompared = 2_000;

/** A hint to add to a message about a name that does not exist; empty when none is near. */
export function didYouMean(written: string, names: readonly string[]): string {
  const meant = names.length <= maxCompared ? nearest(written, names) : null;
  return meant === null ? '' : `; did you mean "${meant}"?`;
}

/** Counts insertions, deletions, replacements and adjacent swaps (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + cost,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      current.push(least);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
