import { type NamedSection, namedSections } from '../../../config/rows/named.js';
import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { namedOrders, ordered } from '../ordered.js';
import type { Page } from '../rows.js';

/** A row of a section whose rows have unique names, such as `budgets`. */
export interface NamedRow {
  id: number;
  name: string;
  created_at: Date;
  updated_at: Date;
  [field: string]: unknown;
}

/**
 * The columns of the configuration and the id, quoted for SQL, where names like `window` are
 * keywords.
 */
export function namedColumns(section: NamedSection): string {
  return ['id', ...Object.keys(namedSections[section].properties)]
    .map((name) => `"${name}"`)
    .join(', ');
}

function selected(sql: Sql, section: NamedSection) {
  return sql([
    ...['id', ...Object.keys(namedSections[section].properties)],
    ...['created_at', 'updated_at'],
  ]);
}

/** The rows, or a page of them, by id or sorted. `search` matches part of `name`. */
export async function listNamed(sql: Sql, section: NamedSection, page: Page): Promise<NamedRow[]> {
  const { limit, offset, after = 0, search = '', exact = null } = page;
  const rows = await sql<NamedRow[]>`
    SELECT ${selected(sql, section)} FROM ${sql(section as string)}
    WHERE strpos(lower(name), lower(${search})) > 0
      AND (${exact}::text IS NULL OR name = ${exact})
      AND id > ${after}::bigint
    ${ordered(sql, namedOrders, page.sort)} LIMIT ${limit} OFFSET ${offset}`;
  return [...rows];
}

/** @param ref an id or a name. */
export async function getNamed(
  sql: Sql,
  section: NamedSection,
  ref: number | string,
): Promise<NamedRow | null> {
  const [row] = await sql<NamedRow[]>`
    SELECT ${selected(sql, section)} FROM ${sql(section as string)}
    WHERE ${typeof ref === 'number' ? sql`id = ${ref}::bigint` : sql`name = ${ref}`}`;
  return row ?? null;
}

/** @throws DuplicateError when the name is taken. */
export async function insertNamed(
  sql: Sql,
  section: NamedSection,
  input: object,
): Promise<NamedRow> {
  try {
    const [row] = await recorded<NamedRow>(
      sql,
      sql`INSERT INTO ${sql(section as string)} ${sql(values(sql, input))} RETURNING ${selected(sql, section)}`,
    );
    return row as NamedRow;
  } catch (error) {
    throw orDuplicate(error, 'name', String(Reflect.get(input, 'name')));
  }
}

/**
 * Changes the given columns; null when there is no such row.
 * @throws DuplicateError when the name is taken.
 */
export async function updateNamed(
  sql: Sql,
  section: NamedSection,
  id: number,
  changes: object,
): Promise<NamedRow | null> {
  if (Object.keys(changes).length === 0) return await getNamed(sql, section, id);
  try {
    const [row] = await recorded<NamedRow>(
      sql,
      sql`UPDATE ${sql(section as string)} SET ${sql(values(sql, changes))}, updated_at = now()
        WHERE id = ${id}::bigint RETURNING ${selected(sql, section)}`,
    );
    return row ?? null;
  } catch (error) {
    throw orDuplicate(error, 'name', String(Reflect.get(changes, 'name')));
  }
}

/** @returns false when there is no such row. */
export async function deleteNamed(sql: Sql, section: NamedSection, id: number): Promise<boolean> {
  const rows = await recorded(
    sql,
    sql`DELETE FROM ${sql(section as string)} WHERE id = ${id}::bigint RETURNING id`,
  );
  return rows.length > 0;
}

function values(sql: Sql, fields: object): Record<string, never> {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Object ? sql.json(value as never) : value,
  ]);
  return Object.fromEntries(entries);
}
