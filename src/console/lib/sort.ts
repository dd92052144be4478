/** A value that rows are sorted by; those without one are last. */
export type Sortable = string | number | null | undefined;

/** The rows in the order of a value. Digits in texts count as numbers. */
export function sorted<Row>(
  rows: readonly Row[],
  by: (row: Row) => Sortable,
  isReverse: boolean,
): Row[] {
  const sign = isReverse ? -1 : 1;
  const hasNone = (value: Sortable) => value === null || value === undefined || value === '';
  return [...rows].sort((one, other) => {
    const [a, b] = [by(one), by(other)];
    if (hasNone(a) || hasNone(b)) return Number(hasNone(a)) - Number(hasNone(b));
    if (typeof a === 'number') return sign * (a - Number(b));
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  });
}

/**
 * The next order after a click on a column: numbers begin with the largest, texts with the first; the
 * third click ends it.
 * @param now such as `name` or, for the reverse, `-name`; empty: none.
 */
export function nextOrder(now: string, column: string, isNumber: boolean): string {
  const [first, second] = isNumber ? [`-${column}`, column] : [column, `-${column}`];
  if (now === first) return second;
  return now === second ? '' : first;
}
