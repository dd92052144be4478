import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../../src/config/rows/limits.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';
import type { ModelRequest } from '../../../src/dialects/head.js';
import { GatewayError } from '../../../src/errors.js';
import { LocalSlots } from '../../../src/limits/slots.js';
import { reserve, tokensNeeded } from '../../../src/proxy/admission/quota.js';
import type { Gateway } from '../../../src/proxy/gateway.js';
import { RequestRecord } from '../../../src/proxy/record.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { configuration, credential, team } from '../../config/configuration-for-test.js';
import { ownQuotas } from '../gateway-for-test.js';

const pattern = (text: string) => {
  const found = modelEndpoints.find((one) => one.pattern === text);
  assert.ok(found);
  return found.dialect;
};
const chat = pattern('/v1/chat/completions');
const messages = pattern('/v1/messages');

/** A request of `bytes` bytes, that lets its answer have `output` tokens. */
function asking(bytes: number, output: number | null, model = 'm'): ModelRequest {
  const said = output === null ? '' : `,"max_tokens":${output}`;
  const start = `{"model":"${model}"${said},"p":"`;
  const body = Buffer.from(`${start}${'x'.repeat(bytes - start.length - 2)}"}`);
  const value = String(output);
  const at = body.indexOf(value);
  const spans = new Map(
    output === null ? [] : [['max_tokens', [{ start: at, end: at + value.length }]]],
  );
  const head = { modelSpans: [], modelIn: 'body', usageEdit: null, alternatives: null } as const;
  return { body, model, stream: false, spans, ...head };
}

function gatewayWith(ofKey: Limits, ofTeam?: Limits) {
  const teams = ofTeam ? [team('t', { limits: ofTeam })] : [];
  const key = credential('k', { limits: ofKey, team: ofTeam ? 't' : null });
  const { credentials } = buildSnapshot(configuration([], [key], 1, teams), '');
  const [{ quotas } = { quotas: null }] = [...credentials.values()];
  assert.ok(quotas);
  const gateway = { quotas: ownQuotas(), slots: new LocalSlots() } as Pick<
    Gateway,
    'quotas' | 'slots'
  >;
  const ask = (request: ModelRequest, dialect = chat) =>
    reserve(gateway, quotas, tokensNeeded(request, dialect), request.model, dialect);
  const refused = async (request: ModelRequest, dialect = chat): Promise<GatewayError> => {
    const error = await ask(request, dialect).catch((reason: unknown) => reason);
    assert.ok(error instanceof GatewayError, 'it is admitted');
    assert.deepEqual([error.code, error.status], ['rate_limit_exceeded', 429]);
    return error;
  };
  return { ask, refused };
}

function used(promptTokens: number, completionTokens: number): RequestRecord {
  const record = new RequestRecord({ header: () => '', method: 'POST' } as never);
  record.usage = { promptTokens, completionTokens };
  record.attempts = 1;
  record.status = 200;
  return record;
}

test('a key without limits has nothing to take', () => {
  const { credentials } = buildSnapshot(configuration([], [credential('k')]), '');
  assert.deepEqual(
    [...credentials.values()].map(({ quotas }) => quotas),
    [null],
  );
});

test('tokens are reserved by bytes and the most output, and settled by use', async () => {
  const { ask, refused } = gatewayWith({ tokens_per_day: 1_000 });
  const first = await ask(asking(400, 500));
  assert.deepEqual(
    first.states.map(({ limit, remaining }) => [limit, remaining]),
    [[1_000, 400]],
  );
  const error = await refused(asking(400, 301));
  assert.equal(error.type, 'tokens');
  assert.match(error.message, /this key: 1000 tokens per day, requested 401\./);
  assert.equal(error.headers['x-ratelimit-limit-tokens'], '1000');
  first.settle(used(10, 20));
  const second = await ask(asking(400, 870));
  second.settle(used(100, 2_000));
  // It owes 1,130 of a thousand a day.
  const owed = await refused(asking(40, 1));
  assert.ok(Number(owed.headers['retry-after']) > 86_400, owed.headers['retry-after']);
});

test('output that a request does not bound is reserved all the same', async () => {
  const { ask } = gatewayWith({ tokens_per_day: 5_000 });
  const { states } = await ask(asking(400, null));
  assert.equal(states[0]?.remaining, 5_000 - 100 - 1_024);
});

test('input and output have limits of their own; the tighter of key and team holds', async () => {
  const { ask, refused } = gatewayWith(
    { input_tokens_per_day: 1_000, output_tokens_per_day: 50 },
    { tokens_per_day: 100_000, output_tokens_per_day: 100 },
  );
  (await ask(asking(400, 40))).settle(used(100, 40));
  assert.match((await refused(asking(400, 11))).message, /this key: 50 output tokens per day/);
  assert.match(
    (await refused(asking(3_700, 1))).message,
    /1000 input tokens per day, requested 925/,
  );
  (await ask(asking(400, 10))).settle(used(100, 10));
  const other = gatewayWith({ output_tokens_per_day: 90 }, { output_tokens_per_day: 50 });
  await other.ask(asking(40, 45));
  assert.match((await other.refused(asking(40, 6))).message, /the team "t": 50 output tokens/);
});

test('a refusal takes nothing from the other limits', async () => {
  const { ask, refused } = gatewayWith({ requests_per_day: 2, tokens_per_day: 100 });
  const first = await ask(asking(40, 90));
  for (let i = 0; i < 5; i++) await refused(asking(40, 1));
  first.settle(used(10, 0));
  await ask(asking(40, 1));
  const error = await refused(asking(40, 1));
  assert.equal(error.type, 'requests');
  assert.equal(error.headers['x-ratelimit-remaining-requests'], '0');
});

test('a request larger than a limit passes when the whole limit is free', async () => {
  const { ask, refused } = gatewayWith({ tokens_per_day: 100 });
  const first = await ask(asking(40, 5_000));
  await refused(asking(40, 1));
  first.settle(used(10, 0));
  await refused(asking(40, 91));
  await ask(asking(40, 80));
});

test('limits of models hold for those they match, by the first that does', async () => {
  const models = { 'gpt-4*': { requests_per_day: 1 }, '*': { requests_per_day: 2 } };
  const { ask, refused } = gatewayWith({ models });
  await ask(asking(80, 1, 'gpt-4o'));
  assert.match((await refused(asking(80, 1, 'gpt-4o'))).message, /this key for gpt-4\*/);
  await ask(asking(80, 1, 'o3'));
  await ask(asking(80, 1, 'o1'));
  await refused(asking(80, 1, 'o3'));
});

test('requests under way are limited, and free their place at their end', async () => {
  const { ask, refused } = gatewayWith(
    { max_concurrency: 2, requests_per_day: 4 },
    { max_concurrency: 3 },
  );
  const [first, second] = [await ask(asking(40, 1)), await ask(asking(40, 1))];
  const error = await refused(asking(40, 1));
  assert.match(error.message, /this key: 2 requests are under way/);
  assert.equal(error.type, 'concurrency');
  first.settle(used(1, 1));
  const third = await ask(asking(40, 1));
  second.settle(used(1, 1));
  third.settle(used(1, 1));
  // The refusal counted no request.
  await ask(asking(40, 1));
  assert.equal((await refused(asking(40, 1))).type, 'requests');
});

test('a request that no provider answered uses no tokens; without usage the bytes count', async () => {
  const { ask } = gatewayWith({ tokens_per_day: 1_000 });
  const left = async () => (await ask(asking(40, 0))).states[0]?.remaining ?? 0;
  const failed = used(0, 0);
  failed.usage = null;
  failed.status = 502;
  (await ask(asking(400, 500))).settle(failed);
  assert.equal(await left(), 990);
  const silent = used(0, 0);
  silent.usage = null;
  silent.uncounted = {
    operation: 'chat',
    request: Buffer.alloc(0),
    answer: [Buffer.alloc(30), Buffer.alloc(10)],
    truncated: false,
  };
  (await ask(asking(400, 500))).settle(silent);
  assert.equal(await left(), 990 - 10 - 100 - 10);
  // A policy refused the answer that the provider gave.
  silent.status = 400;
  (await ask(asking(400, 500))).settle(silent);
  assert.equal(await left(), 870 - 10 - 100 - 10);
});

test('the headers are those of the API', async () => {
  const { ask, refused } = gatewayWith(
    { requests_per_minute: 60, input_tokens_per_minute: 6_000, tokens_per_day: 500 },
    { requests_per_day: 10 },
  );
  const { states } = await ask(asking(400, 100));
  const openai = chat.limitHeaders(states);
  assert.equal(openai['x-ratelimit-limit-requests'], '10', 'the tightest');
  assert.equal(openai['x-ratelimit-remaining-requests'], '9');
  assert.equal(openai['x-ratelimit-remaining-tokens'], '300');
  assert.match(openai['x-ratelimit-reset-tokens'] ?? '', /^\d+ms$/);
  const anthropic = messages.limitHeaders(states);
  assert.deepEqual(
    ['requests', 'tokens', 'input-tokens', 'output-tokens'].map((what) => [
      anthropic[`anthropic-ratelimit-${what}-limit`],
      anthropic[`anthropic-ratelimit-${what}-remaining`],
    ]),
    [
      ['10', '9'],
      ['500', '300'],
      ['6000', '5900'],
      [undefined, undefined],
    ],
  );
  const reset = anthropic['anthropic-ratelimit-tokens-reset'] ?? '';
  assert.match(reset, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Date.parse(reset) > Date.now());
  const error = await refused(asking(400, 300), messages);
  assert.equal(error.headers['anthropic-ratelimit-tokens-remaining'], '0');
  assert.equal(error.headers['x-ratelimit-remaining-tokens'], undefined);
});
