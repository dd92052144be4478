import type { UsageRow } from '../../observe/usage/usage-row.js';
import type { Sql } from '../client.js';

/** Stores the rows in one statement: all or none. One that is stored already is left as it is. */
export async function insertRequestLogs(sql: Sql, rows: readonly UsageRow[]): Promise<void> {
  await sql`
    INSERT INTO request_logs (${sql(columns)})
    SELECT ${sql(columns)} FROM (
      SELECT to_timestamp(started_ms / 1000) AS started_at, json.*
      FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS json (
        started_ms double precision, uid uuid, request_id text, credential_id bigint,
        credential_name text, team text, end_user text, tags jsonb, endpoint text, model text, model_sent text, provider text,
        attempts integer, status integer, error text, prompt_tokens bigint,
        completion_tokens bigint, usage_source text, usage_classes jsonb, cost_nano bigint,
        currency text, price_revision text, stream boolean, complete boolean,
        duration_ms double precision, upstream_ms double precision,
        first_token_ms double precision, need_input bigint, need_output bigint, need_nano bigint,
        translated_to text, losses text, guardrails jsonb,
        cache text, saved_nano bigint, saved_tokens bigint, request_body text, response_body text,
        daemon text, mirror text, compared jsonb
      )
    ) AS row
    ON CONFLICT DO NOTHING`;
}

const columns = [
  'started_at',
  'uid',
  'request_id',
  'credential_id',
  'credential_name',
  'team',
  'end_user',
  'tags',
  'endpoint',
  'model',
  'model_sent',
  'provider',
  'attempts',
  'status',
  'error',
  'prompt_tokens',
  'completion_tokens',
  'usage_source',
  'usage_classes',
  'cost_nano',
  'currency',
  'price_revision',
  'stream',
  'complete',
  'duration_ms',
  'upstream_ms',
  'first_token_ms',
  'need_input',
  'need_output',
  'need_nano',
  'translated_to',
  'losses',
  'guardrails',
  'cache',
  'saved_nano',
  'saved_tokens',
  'request_body',
  'response_body',
  'daemon',
  'mirror',
  'compared',
] as const satisfies readonly ('started_at' | keyof UsageRow)[];
