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

/** Names a group of sums; keys with an id are named by that. */
export type NamedGroup = Pick<UsageSum, 'group' | 'credential_id'>;

export interface Usage {
  /** Most requests first; days and hours in order. Empty without a grouping. */
  groups: UsageSum[];
  total: UsageSum;
}

export interface GroupOptions {
  /** IANA name of the time zone for days and hours; UTC by default. */
  timeZone?: string;
  /** The order of the groups, as for `orderOf`. */
  sort?: string | null;
  /** Maximum groups, the first of the order. The total includes all. */
  limit?: number;
  /** Groups of the last grouping: all others are one group without a name; null: every group. */
  kept?: readonly NamedGroup[] | null;
  /** Only these groups of the first grouping, which is not one of time; null: every group. */
  only?: readonly UsageSum[] | null;
  /** Only their order is wanted: sums may be 0. */
  isOrderOnly?: boolean;
  /** Cancels the report. */
  signal?: AbortSignal;
}

/** True if groups are periods of time, shown in order. */
export function isTime(grouping: UsageGrouping): boolean {
  return grouping === 'day' || grouping === 'hour' || grouping === 'minute';
}

/** The text that groups rows. */
function groupSql(grouping: UsageGrouping | undefined, timeZone: string): string {
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

/**
 * For SELECT: the columns that group rows.
 * @param kept groups of the last grouping, where all others are one group without a name.
 */
export function groupColumns(
  by: readonly UsageGrouping[],
  timeZone: string,
  kept: readonly NamedGroup[] | null,
): string {
  const only = (index: number, expression: string, values: readonly unknown[] | undefined) => {
    if (!values || index !== by.length - 1) return expression;
    if (values.length === 0) return `CASE WHEN false THEN ${expression} END`;
    const list = values.map((value) => literal(String(value))).join(', ');
    return `CASE WHEN (${expression})::text IN (${list}) THEN ${expression} END`;
  };
  // Keys with an id are grouped by that.
  const names = kept?.flatMap(({ group, credential_id }) =>
    group === null || credential_id !== null ? [] : group,
  );
  const ids = kept?.flatMap(({ credential_id }) => credential_id ?? []);
  const [g1, g2] = [0, 1].map((index) => only(index, groupSql(by[index], timeZone), names));
  const place = by.indexOf('key');
  const id = place < 0 ? 'NULL::bigint' : only(place, 'credential_id', ids);
  return `${g1} AS g1, ${g2} AS g2, ${id} AS id`;
}

/** For WHERE: true for rows of these groups. */
export function isOneOf(grouping: UsageGrouping, groups: readonly NamedGroup[]): string {
  const isKey = grouping === 'key';
  const ids = isKey ? groups.flatMap(({ credential_id: id }) => id ?? []) : [];
  const others = groups.filter(({ credential_id: id }) => id === null);
  const names = others.flatMap(({ group }) => (group === null ? [] : literal(group)));
  const column = isKey ? 'credential_name' : groupSql(grouping, 'UTC');
  const noId = isKey ? 'credential_id IS NULL AND ' : '';
  const conditions = [
    ...(ids.length > 0 ? [`credential_id IN (${ids.map(Number).join(', ')})`] : []),
    ...(names.length > 0 ? [`(${noId}${column} IN (${names.join(', ')}))`] : []),
    ...(names.length < others.length ? [`(${noId}${column} IS NULL)`] : []),
  ];
  return conditions.length === 0 ? 'false' : `(${conditions.join(' OR ')})`;
}

/** For SELECT: the key name of a group, and the columns of the groups themselves. */
export function shownGroups([first, second]: readonly UsageGrouping[]): string {
  const shown = (grouping: UsageGrouping | undefined, column: string) =>
    grouping === 'key' ? `coalesce(${column}, key_name)` : column;
  return `${shown(first, 'g1')} AS group, ${shown(second, 'g2')} AS subgroup, id AS credential_id`;
}

/** The last name in a group; bytes are compared faster than letters of a language. */
export const lastName = `(max(credential_name COLLATE "C")) COLLATE "default"`;

/** Name of a group's key: its current one, or its last one if it is deleted. */
export const keyName = `coalesce(
  (SELECT name FROM credentials c WHERE c.id = logs.id),
  CASE WHEN id IS NOT NULL THEN ${lastName} END
) AS key_name`;

/** Columns that sums may be sorted by. */
export const usageOrders = [
  'group',
  'requests',
  'errors',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'cost_nano',
  'cache_hits',
  'saved_nano',
] as const;

/** The column that groups are sorted by, besides their names. */
export function measureOf(sort: string | null): string {
  const column = sort?.replace(/^-/, '') ?? 'group';
  return column === 'group' ? 'requests' : column;
}

/**
 * Order of the groups, after the total.
 * @param sort one of `usageOrders`, after a `-` for the reverse; null: periods of time in order, others
 *   by requests. Of two groupings, periods of time are always in order.
 */
export function orderOf(by: readonly UsageGrouping[], sort: string | null = null): string[] {
  const same = by[0] === 'key' ? 'is_total, g1, id' : 'is_total, g1';
  const column = measureOf(sort);
  const direction = sort === null || sort.startsWith('-') ? 'DESC' : 'ASC';
  return by.map((grouping, index) => {
    const name = index === 0 ? '"group"' : 'subgroup';
    if (isTime(grouping) && (sort === null || by.length > 1)) return `g${index + 1}`;
    if (sort?.endsWith('group')) return `${name} ${direction} NULLS LAST`;
    if (index === 1) return `${column} ${direction}, ${name}`;
    return `sum(${column}) OVER (PARTITION BY ${same}) ${direction}, ${name}`;
  });
}
