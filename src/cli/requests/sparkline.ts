const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * Draws values over time as a line of bars, the newest at the right. With more values than columns,
 * a bar shows the maximum of its values, so that no peak is lost.
 */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const perBar = Math.max(1, Math.ceil(values.length / width));
  const groups: number[] = [];
  for (let end = values.length; end > 0; end -= perBar) {
    const group = values.slice(Math.max(0, end - perBar), end);
    groups.unshift(Math.max(0, ...group.map((value) => value ?? 0)));
  }
  const highest = Math.max(...groups, 0);
  return groups
    .map((value) => {
      if (value === 0 || highest === 0) return ' ';
      return bars[Math.min(bars.length - 1, Math.floor((value / highest) * bars.length))];
    })
    .join('')
    .padStart(Math.min(width, groups.length));
}
