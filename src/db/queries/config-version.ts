import type { Sql } from '../client.js';

/** How often the configuration's rows have changed, and when they last did. */
export async function configVersion(sql: Sql): Promise<{ version: number; updated_at: Date }> {
  const [row] = await sql<{ version: number; updated_at: Date }[]>`
    SELECT version, updated_at FROM config_version WHERE id = 1`;
  return row ?? { version: 0, updated_at: new Date(0) };
}
