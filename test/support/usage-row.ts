import { randomUUID } from 'node:crypto';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';

/** A row of `request_logs`, with these changes. */
export function logRow(changes: Partial<UsageRow> = {}): UsageRow {
  return {
    uid: randomUUID(),
    started_ms: Date.parse('2026-03-10T12:00:00.123Z'),
    request_id: 'req-1',
    credential_id: null,
    credential_name: 'alice',
    team: null,
    end_user: null,
    tags: null,
    endpoint: '/v1/chat/completions',
    model: 'gpt-4',
    model_sent: 'gpt-4o',
    provider: 'main',
    attempts: 1,
    status: 200,
    error: null,
    prompt_tokens: 10,
    completion_tokens: 5,
    usage_source: 'provider',
    usage_classes: null,
    cost_nano: 1_500,
    currency: 'USD',
    price_revision: 'operator:1',
    stream: true,
    complete: true,
    duration_ms: 100.5,
    upstream_ms: 99.25,
    first_token_ms: 50,
    need_input: null,
    need_output: null,
    need_nano: null,
    translated_to: null,
    losses: null,
    guardrails: null,
    request_body: null,
    response_body: null,
    ...changes,
  };
}
