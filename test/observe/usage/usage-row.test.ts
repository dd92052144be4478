import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageRow } from '../../../src/observe/usage/usage-row.js';
import { finished } from './finished.js';

const charge = { cost: 5, currency: 'USD', priceRevision: 'operator:1' } as const;

test('each finished request becomes a row with an id of its own', () => {
  const usage = { promptTokens: 5, completionTokens: 6 };
  const row = usageRow(finished(), usage, 'provider', charge);
  const { uid, ...rest } = row ?? assert.fail();
  assert.deepEqual(rest, {
    started_ms: Date.parse('2026-03-10T12:00:00.123Z'),
    request_id: 'req-1',
    credential_id: 7,
    credential_name: 'alice',
    team: null,
    end_user: null,
    session: null,
    tags: null,
    endpoint: '/v1/chat/completions',
    model: 'gpt-4',
    model_sent: 'gpt-4o',
    provider: 'main',
    attempts: 1,
    status: 200,
    error: null,
    prompt_tokens: 5,
    completion_tokens: 6,
    usage_source: 'provider',
    usage_classes: null,
    cost_nano: 5,
    currency: 'USD',
    price_revision: 'operator:1',
    stream: false,
    complete: true,
    duration_ms: 120.123,
    upstream_ms: 118,
    first_token_ms: 100,
    need_input: null,
    need_output: null,
    need_nano: null,
    translated_to: null,
    losses: null,
    guardrails: null,
    cache: null,
    saved_nano: null,
    saved_tokens: null,
    request_body: null,
    response_body: null,
    daemon: null,
    mirror: null,
    compared: null,
  });
  assert.notEqual(usageRow(finished(), null, null)?.uid, uid);
});

test('a request without a valid key or a model has no row', () => {
  assert.equal(usageRow(finished({ credential: null }), null, null), null);
  assert.equal(usageRow(finished({ model: null }), null, null), null);
});

test('any text sent as the name of a model can be stored', () => {
  const model = `a\0b\ud800${'x'.repeat(1_000)}`;
  const row = usageRow(finished({ model }), null, null);
  assert.match(row?.model ?? '', /^a\ufffdb\ufffdx+$/);
  assert.equal(row?.model.length, 200);
});
