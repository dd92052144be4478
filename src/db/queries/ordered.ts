import type { Sql } from '../client.js';

/** The columns that a list may be sorted by, each with its expression in SQL. */
export type Orders = Readonly<Record<string, string>>;

export const providerOrders = {
  provider_key: 'lower(provider_key)',
  provider_type: 'provider_type',
  weight: 'weight',
  is_enabled: 'is_enabled',
  created_at: 'created_at',
} as const satisfies Orders;

export const credentialOrders = {
  name: 'lower(name)',
  team: 'lower(team)',
  rate_limit: 'rate_limit',
  is_enabled: 'is_enabled',
  expires_at: 'expires_at',
  last_used_at: 'last_used_at',
  created_at: 'created_at',
} as const satisfies Orders;

export const teamOrders = {
  name: 'lower(name)',
  keys: 'keys',
  weight: 'weight',
  // Those with rules of their own first.
  cache: 'cache IS NULL',
  created_at: 'created_at',
} as const satisfies Orders;

export const namedOrders = {
  name: 'lower(name)',
  created_at: 'created_at',
} as const satisfies Orders;

/**
 * The clause of a list's order: by the column that `sort` names, then by id; rows without a value are
 * last.
 * @param sort one of `orders`, after a `-` for the reverse; by id alone if absent.
 */
export function ordered(sql: Sql, orders: Orders, sort = '') {
  const expression = orders[sort.replace(/^-/, '')];
  if (expression === undefined) return sql`ORDER BY id`;
  return sql.unsafe(
    `ORDER BY ${expression} ${sort.startsWith('-') ? 'DESC' : 'ASC'} NULLS LAST, id`,
  );
}
