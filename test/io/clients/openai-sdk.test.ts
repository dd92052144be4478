import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI, { APIError, AzureOpenAI } from 'openai';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';

const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];

for (const { engine, skip } of engines) {
  test(`the openai SDK works through ${engine}`, { skip }, async (t) => {
    const { daemon, client, limited, key } = await gateway(t, engine);

    await t.test('lists and retrieves the models named in mappings', async () => {
      const models = await client.models.list();
      assert.deepEqual(
        models.data.map(({ id }) => id),
        ['gpt-4o', 'text-embedding-3-small'],
      );
      const model = await client.models.retrieve('gpt-4o');
      assert.equal(model.object, 'model');
      assert.equal(model.owned_by, 'mock');
      assert.equal((await client.models.retrieve('gpt-4o-mini')).id, 'gpt-4o-mini');
    });

    await t.test('shows a key only the models that it may use', async () => {
      const models = await limited.models.list();
      assert.deepEqual(
        models.data.map(({ id }) => id),
        ['gpt-4o'],
      );
      await assert.rejects(limited.models.retrieve('text-embedding-3-small'), OpenAI.NotFoundError);
    });

    await t.test('completes a chat', async () => {
      const { data, response, request_id } = await client.chat.completions
        .create({ model: 'gpt-4o', messages: say('hello') })
        .withResponse();
      assert.ok(data.choices[0]?.message.content);
      assert.ok(data.usage && data.usage.total_tokens > 0);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
      assert.match(request_id ?? '', /^[0-9a-f-]{36}$/);
    });

    await t.test('creates a response, whole and streamed, and calls a tool', async () => {
      const body = { model: 'gpt-4o', input: 'hello' };
      const whole = await client.responses.create(body);
      assert.ok(whole.output_text.length > 100);
      assert.ok(whole.usage && whole.usage.input_tokens > 0);
      const streamed = await client.responses.stream(body).finalResponse();
      assert.equal(streamed.output_text, whole.output_text);
      const parameters = { type: 'object', properties: { city: { type: 'string' } } };
      const tool = { type: 'function' as const, name: 'get_weather', parameters, strict: false };
      const called = await client.responses.create({ ...body, tools: [tool] });
      const call = called.output.find((item) => item.type === 'function_call');
      assert.equal(call?.name, 'get_weather');
      const cut = client.responses.stream({ ...body, model: 'mock-cut-stream' });
      await assert.rejects(cut.finalResponse());
    });

    await t.test(
      'streams a chat with its usage, equal to the answer without a stream',
      async () => {
        const body = { model: 'gpt-4o', messages: say('hello') };
        const whole = await client.chat.completions.create(body);
        const stream = await client.chat.completions.create({
          ...body,
          stream: true,
          stream_options: { include_usage: true },
        });
        let text = '';
        let usage: unknown = null;
        for await (const chunk of stream) {
          text += chunk.choices[0]?.delta.content ?? '';
          usage = chunk.usage ?? usage;
        }
        assert.equal(text, whole.choices[0]?.message.content);
        // A stream tells its cost here, where a whole answer has a header.
        const { 'x-llmproxy-cost': cost, ...counts } = usage as Record<string, unknown>;
        assert.deepEqual(counts, whole.usage);
        assert.ok(Number(cost) > 0);
      },
    );

    await t.test('calls tools, streamed and not', async () => {
      const body = { model: 'gpt-4o', messages: say('weather?'), tools };
      const call = onlyCall(await client.chat.completions.create(body));
      assert.equal(call.name, 'get_weather');
      assert.equal(typeof JSON.parse(call.arguments).city, 'string');
      const stream = client.chat.completions.stream(body);
      assert.equal(onlyCall(await stream.finalChatCompletion()).arguments, call.arguments);
    });

    await t.test('completes a prompt, streamed and not', async () => {
      const body = { model: 'gpt-3.5-turbo-instruct', prompt: 'once' };
      const whole = await client.completions.create(body);
      let text = '';
      for await (const chunk of await client.completions.create({ ...body, stream: true })) {
        text += chunk.choices[0]?.text ?? '';
      }
      assert.ok(text);
      assert.equal(text, whole.choices[0]?.text);
    });

    await t.test('makes embeddings in base64 and as numbers', async () => {
      const body = { model: 'text-embedding-3-small', input: ['a', 'b'] };
      // The SDK requests base64 by default and decodes it.
      const decoded = await client.embeddings.create(body);
      const numbers = await client.embeddings.create({ ...body, encoding_format: 'float' });
      assert.equal(decoded.data.length, 2);
      assert.deepEqual(
        Float32Array.from(decoded.data[1]?.embedding ?? []),
        Float32Array.from(numbers.data[1]?.embedding ?? []),
      );
    });

    await t.test('moderates, with the API’s default model if none is named', async () => {
      const input = ['hello', 'I kill you'];
      const { data, response } = await client.moderations.create({ input }).withResponse();
      assert.equal(data.model, 'omni-moderation-latest');
      assert.deepEqual(
        data.results.map(({ flagged, categories }) => [flagged, categories.violence]),
        [
          [false, false],
          [true, true],
        ],
      );
      assert.equal(response.headers.get('x-llmproxy-provider'), 'mock');
      await assert.rejects(limited.moderations.create({ input }), OpenAI.PermissionDeniedError);
    });

    await t.test('generates images, and speech as bytes', async () => {
      const image = await client.images.generate({ model: 'gpt-image-1', prompt: 'a', n: 2 });
      assert.equal(image.data?.length, 2);
      assert.ok(image.data?.[0]?.b64_json);
      const audio = await client.audio.speech.create({
        model: 'gpt-4o-mini-tts',
        input: 'x'.repeat(600),
        voice: 'alloy',
        response_format: 'wav',
      });
      assert.equal(audio.headers.get('content-type'), 'audio/wav');
      const bytes = Buffer.from(await audio.arrayBuffer());
      assert.equal(bytes.length, 600_000);
      assert.ok(bytes.every((byte, place) => byte === (place * 31) % 251));
    });

    await t.test('serves Azure’s SDK, which names the model in the path', async () => {
      const { baseURL } = client;
      const azure = new AzureOpenAI({
        endpoint: baseURL.replace(/\/v1$/, ''),
        apiKey: key,
        apiVersion: '2024-10-21',
        maxRetries: 0,
      });
      const { choices } = await azure.chat.completions.create({
        model: 'mock-echo',
        messages: say('hello'),
      });
      const seen = JSON.parse(choices[0]?.message.content ?? '');
      assert.deepEqual([seen.path, seen.query], ['/v1/chat/completions', '']);
      const { data } = await azure.embeddings.create({
        model: 'text-embedding-3-small',
        input: 'a',
      });
      assert.equal(data.length, 1);
      await assert.rejects(
        azure.chat.completions.create({ model: 'claude', messages: say('hello') }),
        OpenAI.NotFoundError,
      );
      const body = JSON.stringify({ model: 'other', messages: say('hello') });
      const url = `${baseURL.replace(/\/v1$/, '')}/openai/deployments/mock-echo/chat/completions`;
      const answer = await ask(url, { method: 'POST', headers: { 'api-key': key }, body });
      const echo = JSON.parse(JSON.parse(answer.text).choices[0].message.content);
      assert.equal(echo.body_text, body.replace('other', 'mock-echo'));
    });

    await t.test('reranks documents, with the errors that Cohere’s clients read', async () => {
      const url = `${client.baseURL.replace(/\/v1$/, '')}`;
      const headers = { authorization: `Bearer ${key}` };
      const documents = ['about rome', 'about paris and the seine', 'nothing'];
      const asked = { model: 'mock-rerank', query: 'paris seine', documents, top_n: 2 };
      for (const path of ['/v1/rerank', '/v2/rerank', '/rerank']) {
        const body = JSON.stringify(asked);
        const { status, text } = await ask(url + path, { method: 'POST', headers, body });
        assert.equal(status, 200, text);
        const { results } = JSON.parse(text);
        assert.deepEqual(results, [
          { index: 1, relevance_score: 1 },
          { index: 0, relevance_score: 0 },
        ]);
      }
      const body = JSON.stringify({ ...asked, model: 'claude' });
      const refused = await ask(`${url}/v2/rerank`, { method: 'POST', headers, body });
      const { message, error } = JSON.parse(refused.text);
      assert.deepEqual([refused.status, error.code], [404, 'model_not_found']);
      assert.equal(message, error.message);
      type Row = { prompt: number; completion: number; source: string };
      let rows: Row[] = [];
      await until('the rows', async () => {
        rows = await daemon.sql<Row[]>`
          SELECT prompt_tokens AS prompt, completion_tokens AS completion, usage_source AS source
          FROM request_logs WHERE endpoint = '/v2/rerank' AND status = 200`;
        return rows.length > 0;
      });
      assert.deepEqual({ ...rows[0] }, { prompt: 17, completion: 0, source: 'provider' });
    });

    await t.test('answers many requests at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          client.chat.completions.create({ model: 'gpt-4o', messages: say(`number ${i}`) }),
        ),
      );
      assert.ok(answers.every(({ choices }) => choices[0]?.message.content));
    });
  });

  test(`errors are the openai SDK's own classes through ${engine}`, { skip }, async (t) => {
    const { daemon, client, limited } = await gateway(t, engine);
    const blockedKey = await daemon.addKey('blocked', { rate_limit: 0 });
    const disabledKey = await daemon.addKey('disabled', { is_enabled: false });
    await daemon.reload();
    const chat = (with_: OpenAI, model: string) =>
      with_.chat.completions.create({ model, messages: say('hi') });
    const invalidKey = { status: 401, code: 'invalid_api_key', type: 'authentication_error' };
    const invalid = 'invalid_request_error';

    const cases: [name: string, () => Promise<unknown>, class_: unknown, fields: object][] = [
      [
        'an unknown key',
        () => chat(openAi(daemon, 'sk-never-seen'), 'gpt-4o'),
        OpenAI.AuthenticationError,
        { ...invalidKey, param: null },
      ],
      [
        'a disabled key',
        () => chat(openAi(daemon, disabledKey), 'gpt-4o'),
        OpenAI.AuthenticationError,
        invalidKey,
      ],
      [
        'a key that is refused for the list of models too',
        () => openAi(daemon, 'sk-never-seen').models.list(),
        OpenAI.AuthenticationError,
        invalidKey,
      ],
      [
        'a model that the key may not use',
        () => chat(limited, 'gpt-4o-mini'),
        OpenAI.PermissionDeniedError,
        { status: 403, code: 'model_not_allowed', type: 'permission_error', param: 'model' },
      ],
      [
        'a model that no provider serves',
        () => chat(client, 'claude'),
        OpenAI.NotFoundError,
        { status: 404, code: 'model_not_found', type: invalid, param: 'model' },
      ],
      [
        'a model that cannot be retrieved',
        () => client.models.retrieve('claude'),
        OpenAI.NotFoundError,
        { status: 404, code: 'model_not_found', type: invalid, param: 'model' },
      ],
      [
        'a key with the limit 0',
        () => chat(openAi(daemon, blockedKey), 'gpt-4o'),
        OpenAI.RateLimitError,
        { status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' },
      ],
      [
        'a request without a model',
        () => chat(client, undefined as unknown as string),
        OpenAI.BadRequestError,
        { status: 400, code: 'invalid_request', type: invalid, param: 'model' },
      ],
      [
        'an endpoint that does not exist',
        () => client.evals.list(),
        OpenAI.NotFoundError,
        { status: 404, code: 'unknown_url', type: invalid },
      ],
      [
        'a connection that the provider closes',
        () => chat(client, 'mock-reset'),
        OpenAI.InternalServerError,
        { status: 502, code: 'upstream_failed', type: 'upstream_error' },
      ],
      ...(
        [
          [400, OpenAI.BadRequestError],
          [401, OpenAI.AuthenticationError],
          [403, OpenAI.PermissionDeniedError],
          [404, OpenAI.NotFoundError],
          [409, OpenAI.ConflictError],
          [422, OpenAI.UnprocessableEntityError],
          [429, OpenAI.RateLimitError],
          [500, OpenAI.InternalServerError],
          [503, OpenAI.InternalServerError],
        ] as const
      ).map(
        ([status, class_]) =>
          [
            `the provider's own ${status}`,
            () => chat(client, `mock-status-${status}`),
            class_,
            { status, code: `mock_status_${status}` },
          ] as [string, () => Promise<unknown>, unknown, object],
      ),
    ];
    for (const [name, act, class_, fields] of cases) {
      await t.test(name, async () => {
        const error: unknown = await act().then(
          () => assert.fail('it was answered'),
          (failure: unknown) => failure,
        );
        assert.ok(error instanceof APIError, String(error));
        assert.equal(error.constructor, class_, error.message);
        const { status, code, type, param, requestID } = error;
        for (const [field, value] of Object.entries(fields)) {
          assert.equal({ status, code, type, param }[field], value, field);
        }
        assert.ok(requestID);
      });
    }
  });
}

function onlyCall({ choices }: OpenAI.ChatCompletion): { name: string; arguments: string } {
  const [call] = choices[0]?.message.tool_calls ?? [];
  assert.equal(call?.type, 'function');
  return call.function;
}

async function gateway(t: TestContext, engine: 'net' | 'hyper-express' | 'node') {
  const daemon = await startDaemon(t, { engine });
  const { mock } = await mockForTest(t);
  const named = ['gpt-4o', 'text-embedding-3-small', 'gpt-*', 'mock-*', 'omni-*'];
  await daemon.addProvider('mock', {
    api_base: mock.url,
    model_mapping: Object.fromEntries(named.map((name) => [name, name])),
  });
  const key = await daemon.addKey('all');
  const client = openAi(daemon, key);
  const limited = openAi(daemon, await daemon.addKey('limited', { allowed_models: ['gpt-4o'] }));
  await daemon.reload();
  return { daemon, mock, client, limited, key };
}
