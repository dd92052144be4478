import type { Sql } from '../../client.js';

/** The version of the configuration's rows, and the time of their last change. */
export async function configVersion(sql: Sql): Promise<{ version: number; updated_at: Date }> {
  const [row] = await sql<{ version: number; updated_at: Date }[]>`
    SELECT version, updated_at FROM config_version WHERE id = 1`;
  return row ?? { version: 0, updated_at: new Date(0) };
}
