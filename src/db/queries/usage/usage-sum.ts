import type { UsageSum } from '../../../observe/usage/usage-sum.js';
import { literal } from '../../report.js';

/** The dimensions that usage may be summed by. */
export const usageGroupings = [
  'key',
  'team',
  'user',
  'tag',
  'model',
  'provider',
  'day',
  'hour',
  'minute',
] as const;
export type UsageGrouping = (typeof usageGroupings)[number];

export interface Usage {
  /** Most requests first; days and hours in order. Empty without a grouping. */
  groups: UsageSum[];
  total: UsageSum;
}

/** True if groups are periods of time, shown in order. */
export function isTime(grouping: UsageGrouping): boolean {
  return grouping === 'day' || grouping === 'hour' || grouping === 'minute';
}

/** The text that groups rows. */
export function groupSql(grouping: UsageGrouping | undefined, timeZone: string): string {
  switch (grouping) {
    case 'key':
      // Keys are grouped by id, since they can be renamed; those of override files have none.
      return 'CASE WHEN credential_id IS NULL THEN credential_name END';
    case 'team':
      return 'team';
    case 'user':
      return 'end_user';
    case 'tag':
      return 'tag';
    case 'model':
      // A model without a provider may be any text from a client.
      return 'CASE WHEN provider IS NOT NULL THEN model END';
    case 'provider':
      return 'provider';
    case 'day':
    case 'hour':
    case 'minute':
      return `to_char(date_trunc('${grouping}', started_at, ${literal(timeZone)}) AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
    case undefined:
      return 'NULL::text';
  }
}

/** For SELECT: the key name of a group, and the columns of the groups themselves. */
export function shownGroups([first, second]: readonly UsageGrouping[]): string {
  const shown = (grouping: UsageGrouping | undefined, column: string) =>
    grouping === 'key' ? `coalesce(${column}, key_name)` : column;
  return `${shown(first, 'g1')} AS group, ${shown(second, 'g2')} AS subgroup, id AS credential_id`;
}

/** Name of a group's key: its current one, or its last one if it is deleted. */
export const keyName = `coalesce(
  (SELECT name FROM credentials c WHERE c.id = logs.id),
  CASE WHEN id IS NOT NULL THEN max(credential_name) END
) AS key_name`;

/** Order of the groups, after the total. */
export function orderOf(by: readonly UsageGrouping[]): string[] {
  const same = by[0] === 'key' ? 'is_total, g1, id' : 'is_total, g1';
  return by.map((grouping, index) => {
    if (isTime(grouping)) return `g${index + 1}`;
    if (index === 1) return 'requests DESC, subgroup';
    return `sum(requests) OVER (PARTITION BY ${same}) DESC, "group"`;
  });
}
