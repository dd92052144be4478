import type { Sql } from '../client.js';

/** A row of `request_logs`. */
export interface RequestLogRow {
  started_at: Date;
  request_id: string;
  credential_name: string;
  endpoint: string;
  model: string;
  model_sent: string | null;
  provider: string | null;
  attempts: number;
  status: number;
  error: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  usage_source: 'provider' | 'estimated' | null;
  stream: boolean;
  complete: boolean;
  duration_ms: number;
  upstream_ms: number;
  first_token_ms: number | null;
}

/**
 * The newest row of a request id. Ids have no index: the days are read backwards until one is
 * found, so that one of lately is found soon.
 */
export async function findRequestLog(sql: Sql, requestId: string): Promise<RequestLogRow | null> {
  const [row] = await sql<RequestLogRow[]>`
    SELECT started_at, request_id, credential_name, endpoint, model, model_sent, provider, attempts,
      status, error, prompt_tokens::float8, completion_tokens::float8, usage_source, stream,
      complete, duration_ms, upstream_ms, first_token_ms
    FROM request_logs WHERE request_id = ${requestId} ORDER BY started_at DESC LIMIT 1`;
  return row ?? null;
}
