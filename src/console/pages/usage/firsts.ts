import { useRef } from 'preact/hooks';
import type { Usage } from '../../lib/answers.js';
import type { Loading } from '../../lib/load.js';

/** Groups of a chart; all others are one. */
export const maxStacked = 5;

/**
 * The groups of the chart, as the admin API names them: the first of the table, so that the server ranks all groups
 * once. They stay after the table is sorted in another way.
 * @param of what the table is about, besides its order.
 * @param isRanked true if the table has the chart's order.
 * @returns null until the table has had that order: the server has to find them.
 */
export function useFirsts(usage: Loading<Usage>, of: string, isRanked: boolean): string[] | null {
  const known = useRef<{ of: string; groups: string[] } | null>(null);
  if (isRanked && usage.data !== null && !usage.isOld) {
    const named = usage.data.usage.flatMap(({ group, credential_id: id }) => id ?? group ?? []);
    known.current = { of, groups: named.slice(0, maxStacked).map(String) };
  }
  const groups = known.current?.of === of ? known.current.groups : [];
  return groups.length > 0 ? groups : null;
}
