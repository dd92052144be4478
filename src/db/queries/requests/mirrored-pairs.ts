import type { ComparedAnswer } from '../../../observe/request-event.js';
import type { Sql } from '../../client.js';
import { literal, runReport } from '../../report.js';

/** A copy of a request, with the client's answer to compare it with. */
export interface MirroredPair {
  mirror: string;
  copy: Omit<ComparedAnswer, 'provider' | 'model_sent'>;
  client: ComparedAnswer & { score: number | null };
}

/** Maximum pairs of each mirror; more would hardly change the results. */
const maxPairs = 5_000;

/**
 * The newest copies of each mirror since a time.
 * @param name of one mirror; null: all.
 * @throws ReportError if it takes too long.
 */
export async function mirroredPairs(
  sql: Sql,
  since: Date,
  name: string | null,
): Promise<MirroredPair[]> {
  const mirror = name === null ? 'mirror IS NOT NULL' : `mirror = ${literal(name)}`;
  return await runReport<MirroredPair>(
    sql,
    `SELECT mirror, copy, client FROM (
      SELECT mirror, compared AS client, json_build_object('status', status,
          'failed', status >= 400 OR error IS NOT NULL, 'upstream_ms', upstream_ms,
          'first_token_ms', first_token_ms, 'completion_tokens', completion_tokens,
          'cost_nano', cost_nano) AS copy,
        row_number() OVER (PARTITION BY mirror ORDER BY started_at DESC) AS place
      FROM request_logs WHERE ${mirror} AND started_at >= ${literal(since)}
    ) AS copies WHERE place <= ${maxPairs}`,
  );
}
