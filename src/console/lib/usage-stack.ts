import { restColor, type Series, stackColors } from './stack.js';
import { type Span, type Step, type Timeline, timeline } from './timeline.js';

type Field = 'cost_nano' | 'total_tokens' | 'requests';

/** A sum of usage: `group` is the start of its step. */
interface StepSum extends Readonly<Record<Field, number>> {
  group: string | null;
  subgroup: string | null;
}

/** A timeline with a series for each group. */
export interface Stack extends Pick<Timeline<StepSum>, 'times' | 'stepSeconds'> {
  series: Series[];
  /** Names of the groups, without all others. */
  names: ReadonlySet<string>;
}

/**
 * Sums by step and group as stacked bars: the largest group at the bottom, all others on top.
 * @param usage summed by a step, and by group unless there is only one.
 * @param labels of the only series where there are no groups, and of all others.
 */
export function stacked(
  usage: { since: string; until: string; by: string | null; usage: readonly StepSum[] },
  span: Span,
  field: Field,
  labels: { only: string; others: string },
): Stack {
  const by = usage.by?.split(',')[0] as Step | undefined;
  const groups = new Map<string | null, StepSum[]>();
  for (const sum of usage.usage) {
    const known = groups.get(sum.subgroup);
    if (known) known.push(sum);
    else groups.set(sum.subgroup, [sum]);
  }
  const sizeOf = (name: string) =>
    (groups.get(name) ?? []).reduce((size, sum) => size + sum[field], 0);
  const names = [...groups.keys()].filter((name) => name !== null);
  names.sort((a, b) => sizeOf(b) - sizeOf(a));
  const seriesOf = (name: string | null, shown: string, color: number): Series => {
    const { sums } = timeline({ ...usage, usage: groups.get(name) ?? [] }, span, by);
    return { label: shown, color, isBars: true, values: sums.map((sum) => sum?.[field] ?? 0) };
  };
  const { times, stepSeconds } = timeline({ ...usage, usage: [] }, span, by);
  const isGrouped = usage.by?.includes(',') && names.length > 0;
  const series = names.map((name, place) => seriesOf(name, name, stackColors[place] ?? restColor));
  if (!isGrouped) series.push(seriesOf(null, labels.only, stackColors[0]));
  else if (groups.has(null)) series.push(seriesOf(null, labels.others, restColor));
  return { times, stepSeconds, series, names: new Set(names) };
}
