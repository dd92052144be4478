import type postgres from 'postgres';
import type { Sql } from './client.js';

/** The way in which a change of providers or keys was made. */
export type ChangeSource = 'cli' | 'admin' | 'apply' | 'rollback' | 'canary';

/** The author of a change of providers or keys, for the history and the audit log. */
export interface Author {
  /** `cli:USER@HOST`, `admin:NAME` of an admin key, or `canary:NAME` of an automatic move. */
  actor: string;
  source: ChangeSource;
  /** The reason that the author gave. */
  message: string | null;
  /** Id of the daemon that makes the change; null: a command does. */
  daemon: string | null;
}

const authorKey = Symbol('author');

/** The same pool, whose `recorded` changes are made in this author's name. */
export function authored(sql: Sql, author: Author): Sql {
  return new Proxy(sql, {
    get: (target, property) => (property === authorKey ? author : Reflect.get(target, property)),
  });
}

/**
 * Runs a statement that changes providers or keys in the name of the pool's author. Triggers learn
 * the author from settings that hold for one transaction, so the statement itself sets them.
 * Without an author the change is that of the database's user.
 * @param statement an INSERT, UPDATE or DELETE with RETURNING.
 */
export async function recorded<R extends object>(
  sql: Sql,
  statement: postgres.PendingQuery<postgres.Row[]>,
): Promise<R[]> {
  const author: Author | undefined = Reflect.get(sql, authorKey);
  if (!author) return [...(await statement)] as object[] as R[];
  const rows = await sql<R[]>`
    WITH changed AS (${statement})
    SELECT changed.* FROM changed
    WHERE set_config('llmproxy.actor', ${author.actor}, true) IS NOT NULL
      AND set_config('llmproxy.source', ${author.source}, true) IS NOT NULL
      AND set_config('llmproxy.daemon', ${author.daemon ?? ''}, true) IS NOT NULL
      AND set_config('llmproxy.message', ${author.message ?? ''}, true) IS NOT NULL`;
  return [...rows];
}
