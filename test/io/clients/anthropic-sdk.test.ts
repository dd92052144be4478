import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { until } from '../../support/until.js';

const model = 'claude-demo';
const say = (content: string): Anthropic.MessageParam[] => [{ role: 'user', content }];
const hello = { model, max_tokens: 1_000, messages: say('hello') };
const tools: Anthropic.Tool[] = [
  {
    name: 'get_weather',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

for (const { engine, skip } of engines) {
  test(`the Anthropic SDK works through ${engine}`, { skip }, async (t) => {
    const { daemon, key, client } = await gateway(t, engine);

    await t.test('creates a message, and finds the id of its request', async () => {
      const { data, request_id, response } = await client.messages.create(hello).withResponse();
      assert.equal(data.content[0]?.type, 'text');
      assert.equal(data.stop_reason, 'end_turn');
      assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
      assert.match(request_id ?? '', /^[0-9a-f-]{36}$/);
      assert.equal(response.headers.get('x-llmproxy-provider'), 'claude');
    });

    await t.test('streams the same message', async () => {
      const whole = await client.messages.create(hello);
      const streamed = await client.messages.stream(hello).finalMessage();
      assert.deepEqual(streamed.content, whole.content);
      assert.deepEqual(streamed.usage.output_tokens, whole.usage.output_tokens);
    });

    await t.test('calls a tool and takes its result, whole and streamed', async () => {
      const asked = { ...hello, tools };
      const first = await client.messages.stream(asked).finalMessage();
      const call = first.content.find((block) => block.type === 'tool_use');
      assert.equal(call?.name, 'get_weather');
      assert.equal(first.stop_reason, 'tool_use');
      const second = await client.messages.create({
        ...asked,
        messages: [
          ...hello.messages,
          { role: 'assistant', content: first.content },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }],
          },
        ],
      });
      assert.equal(second.stop_reason, 'end_turn');
    });

    await t.test('gets an answer from a provider of another API', async () => {
      const asked = { ...hello, model: 'gpt-4o' };
      const { data, response, request_id } = await client.messages.create(asked).withResponse();
      assert.equal(response.headers.get('x-llmproxy-provider'), 'openai');
      const streamed = await client.messages.stream(asked).finalMessage();
      assert.deepEqual(streamed.content, data.content);
      await until('the explanation', async () => {
        const { stdout } = await daemon.cli(['explain', request_id ?? '']);
        return /^translated +to openai\.chat$/m.test(stdout);
      });
    });

    await t.test('counts tokens, without the key’s limit', async () => {
      const slow = clientOf(daemon, await daemon.addKey('slow', { rate_limit: 1 }));
      await daemon.reload();
      const counts = await Promise.all(
        Array.from({ length: 30 }, () =>
          slow.messages.countTokens({ model, messages: say('hello') }),
        ),
      );
      for (const { input_tokens } of counts) assert.equal(input_tokens, 2);
    });

    await t.test('records the usage that the provider reports', async () => {
      const stream = client.messages.stream(hello);
      const { usage } = await stream.finalMessage();
      type Row = { prompt: number; completion: number; source: string };
      let row: Row | undefined;
      await until('the row', async () => {
        [row] = await daemon.sql<Row[]>`
          SELECT prompt_tokens AS prompt, completion_tokens AS completion, usage_source AS source
          FROM request_logs WHERE endpoint = '/v1/messages' AND request_id = ${stream.request_id ?? ''}`;
        return row !== undefined;
      });
      const { input_tokens: prompt, output_tokens: completion } = usage;
      assert.deepEqual(row && { ...row }, { prompt, completion, source: 'provider' });
    });

    await t.test('errors have the classes and shape of the SDK', async () => {
      const cases: [act: () => Promise<unknown>, class_: unknown, type: string][] = [
        [
          () => clientOf(daemon, 'sk-never-seen').messages.create(hello),
          Anthropic.AuthenticationError,
          'authentication_error',
        ],
        [
          () => client.messages.create({ ...hello, model: 'nobody-has-it' }),
          Anthropic.NotFoundError,
          'not_found_error',
        ],
        [
          () => client.messages.create({ ...hello, model: undefined as unknown as string }),
          Anthropic.BadRequestError,
          'invalid_request_error',
        ],
        [
          () => client.messages.create({ ...hello, model: 'mock-status-429' }),
          Anthropic.RateLimitError,
          'rate_limit_error',
        ],
        [
          () => client.messages.create({ ...hello, model: 'mock-reset' }),
          Anthropic.InternalServerError,
          'api_error',
        ],
      ];
      for (const [act, class_, type] of cases) {
        const error = await act().then(
          () => assert.fail('it was answered'),
          (failure: unknown) => failure,
        );
        assert.ok(error instanceof Anthropic.APIError, String(error));
        assert.equal(error.constructor, class_, error.message);
        assert.equal((error.error as { error: { type: string } }).error.type, type);
        assert.ok(error.requestID);
      }
    });

    await t.test('a broken stream is an error to the SDK, never a message', async () => {
      const stream = client.messages.stream({ ...hello, model: 'mock-cut-stream' });
      await assert.rejects(stream.finalMessage(), Anthropic.APIError);
    });

    await t.test('lists models page by page, with errors in its shape', async () => {
      const ids: string[] = [];
      for await (const { id, display_name } of client.models.list({ limit: 1 })) {
        ids.push(id);
        assert.equal(display_name, id);
      }
      assert.deepEqual(ids, [model, 'gpt-4o']);
      assert.equal((await client.models.retrieve(model)).type, 'model');
      for (const act of [
        () => client.models.retrieve('never'),
        () => clientOf(daemon, 'sk-never-seen').models.list(),
      ]) {
        const error = await Promise.resolve(act()).then(
          () => assert.fail('it was answered'),
          (failure: unknown) => failure,
        );
        assert.ok(error instanceof Anthropic.APIError);
        const { type, request_id } = error.error as { type: string; request_id: string };
        assert.deepEqual([type, request_id], ['error', error.requestID]);
      }
    });

    await t.test('the key is read from the place that clients of each API use', async () => {
      const url = `${daemon.url}/v1/models`;
      for (const headers of [
        { authorization: `Bearer ${key}` },
        { 'x-api-key': key },
        { 'api-key': key },
        { 'x-goog-api-key': key },
        { authorization: 'Basic eDp5', 'x-api-key': key },
        { authorization: `Bearer ${key}`, 'x-api-key': 'another' },
      ]) {
        assert.equal((await ask(url, { headers })).status, 200, JSON.stringify(headers));
      }
      assert.equal((await ask(`${url}?a=b&key=${key}`)).status, 200);
      assert.equal((await ask(url)).status, 401);
      assert.equal((await ask(`${url}?monkey=${key}`)).status, 401);
    });

    await t.test(
      'a base URL with /v1, once or twice, and a hello without a key are served',
      async () => {
        const headers = { 'x-api-key': key, 'content-type': 'application/json' };
        const body = JSON.stringify(hello);
        for (const path of ['/v1/messages?beta=true', '/messages', '/v1/v1/messages']) {
          const answer = await ask(daemon.url + path, { method: 'POST', headers, body });
          assert.equal(answer.status, 200, path);
        }
        for (const path of ['/models', '/v1/v1/models', '/models/mock-echo']) {
          assert.equal((await ask(daemon.url + path, { headers })).status, 200, path);
        }
        assert.equal((await ask(`${daemon.url}/api/hello`, { method: 'HEAD' })).status, 200);
      },
    );
  });
}

async function gateway(t: TestContext, engine: (typeof engines)[number]['engine']) {
  const { mock } = await mockForTest(t);
  const daemon = await startDaemon(t, { engine });
  await daemon.addProvider('claude', {
    provider_type: 'anthropic',
    api_base: mock.url,
    model_mapping: { [model]: model, 'mock-*': 'mock-*' },
  });
  await daemon.addProvider('openai', { api_base: mock.url, model_mapping: { 'gpt-4o': 'gpt-4o' } });
  const key = await daemon.addKey('sdk');
  await daemon.reload();
  return { daemon, key, client: clientOf(daemon, key) };
}

function clientOf(daemon: Daemon, apiKey: string): Anthropic {
  return new Anthropic({ baseURL: daemon.url, apiKey, maxRetries: 0 });
}
