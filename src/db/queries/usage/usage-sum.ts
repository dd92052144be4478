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
  /** The largest number of requests first; days and hours in order. Empty without a grouping. */
  groups: UsageSum[];
  total: UsageSum;
}

/** True for the start of a period of time, in order. */
export function isTime(grouping: UsageGrouping): boolean {
  return grouping === 'day' || grouping === 'hour' || grouping === 'minute';
}

/** The text by which rows are grouped. */
export function groupSql(grouping: UsageGrouping | undefined, timeZone: string): string {
  switch (grouping) {
    case 'key':
      // Keys go by their id, since one can be renamed; those of override files have none.
      return 'CASE WHEN credential_id IS NULL THEN credential_name END';
    case 'team':
      return 'team';
    case 'user':
      return 'end_user';
    case 'tag':
      return 'tag';
    case 'model':
      // A model that no provider served may be any text that a client sent.
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

/** The name of the key of a group, and the columns of the groups themselves, for SELECT. */
export function shownGroups([first, second]: readonly UsageGrouping[]): string {
  const shown = (grouping: UsageGrouping | undefined, column: string) =>
    grouping === 'key' ? `coalesce(${column}, key_name)` : column;
  return `${shown(first, 'g1')} AS group, ${shown(second, 'g2')} AS subgroup, id AS credential_id`;
}

/** The name of a group's key: its present one, or its last where it is gone. */
export const keyName = `coalesce(
  (SELECT name FROM credentials c WHERE c.id = logs.id),
  CASE WHEN id IS NOT NULL THEN max(credential_name) END
) AS key_name`;

/** The order of groups, after the total. */
export function orderOf(by: readonly UsageGrouping[]): string[] {
  const same = by[0] === 'key' ? 'is_total, g1, id' : 'is_total, g1';
  return by.map((grouping, index) => {
    if (isTime(grouping)) return `g${index + 1}`;
    if (index === 1) return 'requests DESC, subgroup';
    return `sum(requests) OVER (PARTITION BY ${same}) DESC, "group"`;
  });
}
