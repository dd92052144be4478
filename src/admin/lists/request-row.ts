import type { RequestLogRow } from '../../db/queries/requests/list-requests.js';
import type { RequestFinished } from '../../observe/request-event.js';
import { firedIn } from '../../observe/usage/usage-row.js';

/**
 * A request that has just finished, in the form of its row. Tokens that the provider did not report,
 * and its cost, are still being computed.
 */
export function requestRow(event: RequestFinished): RequestLogRow {
  const { usage } = event;
  return {
    started_at: new Date(event.startedAt),
    request_id: event.requestId,
    credential_name: event.credential?.name ?? '',
    team: event.team,
    user: event.user,
    session: event.session,
    tags: [...event.tags],
    endpoint: event.endpoint,
    model: event.model ?? '',
    model_sent: event.modelSent,
    provider: event.provider,
    attempts: event.attempts,
    status: event.status,
    error: event.error,
    prompt_tokens: usage?.promptTokens ?? null,
    completion_tokens: usage?.completionTokens ?? null,
    usage_source: usage ? 'provider' : null,
    // Computed when the tokens are known.
    cost_nano: null,
    currency: null,
    price_revision: null,
    stream: event.stream,
    complete: event.complete,
    duration_ms: rounded(event.totalMs),
    upstream_ms: rounded(event.upstreamMs),
    first_token_ms: event.firstTokenMs === null ? null : rounded(event.firstTokenMs),
    guardrails: firedIn(event),
    cache: event.cache?.result ?? null,
    saved_nano: event.cache?.saved ?? null,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
