import type { UsageRow } from '../../../observe/usage/usage-row.js';
import type { Sql } from '../../client.js';

/** Stores the rows in one statement: all or none. One that is stored already is left as it is. */
export async function insertRequestLogs(sql: Sql, rows: readonly UsageRow[]): Promise<void> {
  await sql`
    INSERT INTO request_logs (${sql(columns)})
    SELECT ${sql(columns)} FROM (
      SELECT to_timestamp(started_ms / 1000) AS started_at, json.*
      FROM json_to_recordset(${rowsText(rows)}::text::json) AS json (
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

/**
 * The rows as JSON, without most of what is null. `JSON.stringify` of the rows is a third of all that the
 * control process does with a request: here what rows of one key and model share is written once.
 */
export function rowsText(rows: readonly UsageRow[]): string {
  const written = new Map<string, { of: UsageRow; text: string }>();
  let text = '';
  for (const row of rows) {
    let shared = written.get(row.model);
    if (!shared || !isShared(shared.of, row)) {
      shared = { of: row, text: sharedText(row) };
      written.set(row.model, shared);
    }
    text += `${text === '' ? '[' : ','}{"uid":"${row.uid}",${ownText(row)}${shared.text}}`;
  }
  return `${text || '['}]`;
}

/** Columns that differ from row to row. A row that an older version left on disk lacks newer ones. */
function ownText(row: UsageRow): string {
  const { usage_classes, guardrails, compared } = row;
  let text = `"request_id":${quoted(row.request_id)},"started_ms":${wholeMs(row.started_ms)},"duration_ms":${inMs(row.duration_ms)},"upstream_ms":${inMs(row.upstream_ms)},"prompt_tokens":${row.prompt_tokens},"completion_tokens":${row.completion_tokens},"cost_nano":${row.cost_nano ?? null},`;
  if (row.first_token_ms != null) text += `"first_token_ms":${inMs(row.first_token_ms)},`;
  if (row.need_input != null) {
    text += `"need_input":${row.need_input},"need_output":${row.need_output},"need_nano":${row.need_nano},`;
  }
  if (row.saved_nano != null || row.saved_tokens != null) {
    text += `"saved_nano":${row.saved_nano},"saved_tokens":${row.saved_tokens},`;
  }
  if (usage_classes != null) text += `"usage_classes":${JSON.stringify(usage_classes)},`;
  if (guardrails != null) text += `"guardrails":${JSON.stringify(guardrails)},`;
  if (compared != null) text += `"compared":${JSON.stringify(compared)},`;
  if (row.tags != null) text += `"tags":${JSON.stringify(row.tags)},`;
  if (row.end_user != null) text += `"end_user":${JSON.stringify(row.end_user)},`;
  const { request_body, response_body } = row;
  if (request_body != null || response_body != null) {
    const bodies = JSON.stringify({ request_body, response_body });
    text += `${bodies.slice(1, -1)},`;
  }
  return text;
}
/** Text that JSON writes without escapes. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Three digits for 0 to 999. */
const threeDigits = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, '0'));

/** Milliseconds since the epoch; as one number they take ten times as long to write. */
function wholeMs(ms: number): string {
  const digits = threeDigits[ms % 1_000];
  return digits === undefined || ms < 1_000 ? String(ms) : Math.floor(ms / 1_000) + digits;
}

/** Milliseconds to the microsecond: a fraction takes ten times as long to write. */
function inMs(ms: number): string {
  return `${Math.round(ms * 1_000)}e-3`;
}

/** True where rows of the same model have the same `sharedText`. Written out: a loop takes longer than the text. */
function isShared(a: UsageRow, b: UsageRow): boolean {
  return (
    a.credential_name === b.credential_name &&
    a.credential_id === b.credential_id &&
    a.provider === b.provider &&
    a.status === b.status &&
    a.endpoint === b.endpoint &&
    a.model_sent === b.model_sent &&
    a.attempts === b.attempts &&
    a.error === b.error &&
    a.team === b.team &&
    a.usage_source === b.usage_source &&
    a.currency === b.currency &&
    a.price_revision === b.price_revision &&
    a.stream === b.stream &&
    a.complete === b.complete &&
    a.translated_to === b.translated_to &&
    a.losses === b.losses &&
    a.cache === b.cache &&
    a.daemon === b.daemon &&
    a.mirror === b.mirror
  );
}

function sharedText(row: UsageRow): string {
  const { credential_id, credential_name, team, endpoint, model, model_sent, provider } = row;
  const { attempts, status, error, usage_source, currency, price_revision, stream } = row;
  const { complete, translated_to, losses, cache, daemon, mirror } = row;
  return JSON.stringify({
    ...{ credential_id, credential_name, team, endpoint, model, model_sent, provider },
    ...{ attempts, status, error, usage_source, currency, price_revision, stream },
    ...{ complete, translated_to, losses, cache, daemon, mirror },
  }).slice(1, -1);
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
