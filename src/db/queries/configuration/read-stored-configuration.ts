import type { StoredConfiguration } from '../../../config/documents/document.js';
import { eachSection, type Section, sectionNames } from '../../../config/documents/kinds.js';
import type { Sql } from '../../client.js';

/**
 * The rows with all their columns, and their version, in one snapshot of the database.
 * @param sections those to read; the others are empty.
 */
export async function readStoredConfiguration(
  sql: Sql,
  sections: readonly Section[] = sectionNames,
): Promise<StoredConfiguration> {
  const rows = sections.map(
    (section) => sql`, (
      SELECT coalesce(json_agg(r ORDER BY id), '[]') FROM ${sql(section as string)} r
    ) AS ${sql(section as string)}`,
  );
  const [read] = await sql<[StoredConfiguration]>`
    SELECT coalesce((SELECT version FROM config_version WHERE id = 1), 0) AS version ${rows}`;
  return { ...eachSection(() => []), ...read };
}
