import { connect } from './client.js';
import { DatabaseError } from './database-error.js';
import { type DbHost, parseDbUrl } from './db-url.js';
import { deadline } from './deadline.js';
import { reasonOf } from './explain-error.js';

/** Longer than connecting to a host may take. */
const maxAskMs = 10_000;

/**
 * Chooses one of a URL's hosts like libpq: the first that answers and accepts writes, or with
 * `target_session_attrs=any` the first that answers. A single host is not asked.
 * @throws DatabaseError with the problem of each host.
 */
export async function chooseHost(dbUrl: string): Promise<DbHost> {
  const { hosts, target } = parseDbUrl(dbUrl);
  const [first] = hosts;
  if (first && hosts.length === 1) return first;
  const reasons: string[] = [];
  for (const host of hosts) {
    const sql = connect(dbUrl, { host, max: 1, applicationName: 'llmproxy chooser' });
    try {
      const asking = sql<{ takes_writes: boolean }[]>`
        SELECT NOT (pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean)
          AS takes_writes`;
      const [state] = await deadline(asking, maxAskMs, 'The first query');
      if (target === 'any' || state?.takes_writes) return host;
      reasons.push(`${host.host}:${host.port}: it is read-only`);
    } catch (error) {
      reasons.push(`${host.host}:${host.port}: ${reasonOf(error, dbUrl)}`);
    } finally {
      await sql.end({ timeout: 0 });
    }
  }
  throw new DatabaseError(`Cannot use any host of the database URL: ${reasons.join('; ')}`);
}
