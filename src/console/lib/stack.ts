/** A series of a chart. */
export interface Series {
  label: string;
  /** Place in the chart's colours. */
  color: number;
  /** One a step; null: none. */
  values: readonly (number | null)[];
  isBars?: boolean;
}

/** Colours of stacked series, and of all others together. */
export const stackColors = [0, 5, 6, 7, 8] as const;
export const restColor = 4;

/**
 * The series that are drawn, in the order of drawing: what is drawn later covers what was drawn before.
 * @param isStacked each is drawn up to the sum of itself and those below it, the highest first.
 */
export function drawnSeries(
  series: readonly Series[],
  hidden: ReadonlySet<string>,
  isStacked: boolean,
): Series[] {
  const visible = series.filter(({ label }) => !hidden.has(label));
  if (!isStacked) return visible;
  const sums: number[] = [];
  return visible
    .map((one) => ({
      ...one,
      values: one.values.map((value, step) => {
        const sum = (sums[step] ?? 0) + (value ?? 0);
        sums[step] = sum;
        return sum;
      }),
    }))
    .reverse();
}

/** The step that is under way at a time; the first one before all of them. */
export function stepAt(times: readonly number[], at: number): number {
  const next = times.findIndex((time) => time > at);
  return next < 0 ? times.length - 1 : Math.max(0, next - 1);
}

/** The bar of a step that is visible at a height: the lowest that reaches it; null: none. */
export function seriesAt(drawn: readonly Series[], step: number, height: number): string | null {
  let found: { label: string; value: number } | null = null;
  for (const { label, values, isBars } of drawn) {
    const value = values[step] ?? 0;
    if (!isBars || value <= 0 || value < height) continue;
    if (!found || value <= found.value) found = { label, value };
  }
  return found?.label ?? null;
}
