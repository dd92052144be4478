import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, type Content, GoogleGenAI } from '@google/genai';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { until } from '../../support/until.js';

const contents = 'hello';
const config = {
  tools: [
    {
      functionDeclarations: [
        {
          name: 'get_weather',
          parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } } },
        },
      ],
    },
  ],
};

for (const { engine, skip } of engines) {
  test(`the SDK of Gemini works through ${engine}`, { skip }, async (t) => {
    const { mock } = await mockForTest(t);
    const daemon = await startDaemon(t, { engine });
    await daemon.addProvider('google', {
      provider_type: 'gemini',
      api_base: mock.url.replace(/v1$/, 'v1beta'),
      model_mapping: { 'gemini-2.5-pro': 'gemini-x', 'gemini-embed': 'e', 'mock-*': 'mock-*' },
    });
    await daemon.addProvider('openai', {
      api_base: mock.url,
      model_mapping: { 'gpt-4o': 'gpt-4o' },
    });
    const key = await daemon.addKey('sdk');
    await daemon.reload();
    const clientOf = (apiKey: string) =>
      new GoogleGenAI({ apiKey, httpOptions: { baseUrl: daemon.url } });
    const client = clientOf(key);

    for (const model of ['gemini-2.5-pro', 'gpt-4o']) {
      await t.test(`generates, whole and streamed, and calls a tool with ${model}`, async () => {
        const whole = await client.models.generateContent({ model, contents });
        assert.ok((whole.text ?? '').length > 100);
        assert.ok((whole.usageMetadata?.candidatesTokenCount ?? 0) > 0);
        let text = '';
        const stream = await client.models.generateContentStream({ model, contents });
        for await (const piece of stream) text += piece.text ?? '';
        assert.equal(text, whole.text);

        const first = await client.models.generateContent({ model, contents, config });
        const call = first.functionCalls?.[0];
        assert.equal(call?.name, 'get_weather');
        const turns: Content[] = [
          { role: 'user', parts: [{ text: contents }] },
          first.candidates?.[0]?.content ?? {},
          {
            role: 'user',
            parts: [
              {
                functionResponse: {
                  ...(call.id !== undefined && { id: call.id }),
                  name: call.name ?? '',
                  response: { output: 'sunny' },
                },
              },
            ],
          },
        ];
        const second = await client.models.generateContent({ model, contents: turns, config });
        assert.ok(second.text);
      });
    }

    await t.test('a native request passes byte for byte, but for its key', async () => {
      const url = `${daemon.url}/v1/models/mock-echo:generateContent?key=${key}&flag=1`;
      const body = '{ "contents":[{"parts":[{"text":"a"}]}],"x":12345678901234567890 }';
      const { status, text } = await ask(url, { method: 'POST', body });
      assert.equal(status, 200, text);
      const echo = JSON.parse(JSON.parse(text).candidates[0].content.parts[0].text);
      assert.equal(echo.path, '/v1beta/models/mock-echo:generateContent');
      assert.equal(echo.query, 'flag=1');
      assert.equal(mock.stats.last?.headers['x-goog-api-key']?.includes(key), false);
    });

    await t.test('a stream that is not asked for as SSE is one array', async () => {
      const headers = { 'x-goog-api-key': key };
      const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hello' }] }] });
      const streamOf = (model: string, query = '') =>
        ask(`${daemon.url}/v1beta/models/${model}:streamGenerateContent${query}`, {
          method: 'POST',
          headers,
          body,
        });
      for (const model of ['gemini-2.5-pro', 'gpt-4o']) {
        const whole = await client.models.generateContent({ model, contents });
        for (const query of ['', '?alt=json']) {
          const answered = await streamOf(model, query);
          assert.equal(answered.status, 200, answered.text);
          assert.match(String(answered.headers['content-type']), /^application\/json/);
          const values = JSON.parse(answered.text);
          assert.ok(values.length > 2);
          const texts = values.map((value: { candidates: { content: Content }[] }) =>
            value.candidates[0]?.content.parts?.map(({ text }) => text).join(''),
          );
          assert.equal(texts.join(''), whole.text);
          assert.ok(values.at(-1).usageMetadata.candidatesTokenCount > 0);
        }
      }
      const wrong = await streamOf('gemini-2.5-pro', '?alt=proto');
      assert.equal(wrong.status, 400);
      assert.match(wrong.text, /alt must be json or sse/);
      const refused = await streamOf('mock-status-429');
      assert.equal(refused.status, 429);
      assert.equal(JSON.parse(refused.text).error.status, 'RESOURCE_EXHAUSTED');
      await assert.rejects(streamOf('mock-cut-stream'));
    });

    await t.test('counts tokens, and lists models', async () => {
      const counted = await client.models.countTokens({ model: 'gemini-2.5-pro', contents });
      assert.equal(counted.totalTokens, 2);
      const names: (string | undefined)[] = [];
      for await (const { name } of await client.models.list()) names.push(name);
      assert.deepEqual(names, ['models/gemini-2.5-pro', 'models/gemini-embed', 'models/gpt-4o']);
      assert.equal((await client.models.get({ model: 'gpt-4o' })).displayName, 'gpt-4o');
      const paged: (string | undefined)[] = [];
      for await (const { name } of await client.models.list({ config: { pageSize: 2 } })) {
        paged.push(name);
      }
      assert.deepEqual(paged, names);
    });

    await t.test('embeds a text', async () => {
      const url = `${daemon.url}/v1beta/models/gemini-embed:embedContent`;
      const headers = { 'x-goog-api-key': key };
      const body = JSON.stringify({ content: { parts: [{ text: 'a' }] }, outputDimensionality: 3 });
      const { status, text } = await ask(url, { method: 'POST', headers, body });
      assert.equal(status, 200, text);
      assert.equal(JSON.parse(text).embedding.values.length, 3);
    });

    await t.test('errors are the SDK’s own, in its shape', async () => {
      const cases: [act: () => Promise<unknown>, status: number, word: string][] = [
        [
          () => clientOf('sk-never').models.generateContent({ model: 'gpt-4o', contents }),
          401,
          'UNAUTHENTICATED',
        ],
        [() => client.models.generateContent({ model: 'never', contents }), 404, 'NOT_FOUND'],
        [() => client.models.get({ model: 'never' }), 404, 'NOT_FOUND'],
        [
          () => client.models.generateContent({ model: 'mock-status-429', contents }),
          429,
          'RESOURCE_EXHAUSTED',
        ],
      ];
      for (const [act, status, word] of cases) {
        const error = await act().then(
          () => assert.fail('it was answered'),
          (failure: unknown) => failure,
        );
        assert.ok(error instanceof ApiError, String(error));
        assert.equal(error.status, status);
        assert.ok(error.message.includes(word), error.message);
      }
    });

    await t.test('a stream that breaks is an error to the SDK', async () => {
      const stream = await client.models.generateContentStream({
        model: 'mock-cut-stream',
        contents,
      });
      await assert.rejects(async () => {
        for await (const piece of stream) assert.ok(piece);
      });
    });

    await t.test('records the usage that the provider reports', async () => {
      const { responseId } = await client.models.generateContent({
        model: 'gemini-2.5-pro',
        contents,
      });
      assert.ok(responseId);
      type Row = { model: string; prompt: number; source: string };
      let rows: Row[] = [];
      await until('the rows', async () => {
        rows = await daemon.sql<Row[]>`
          SELECT model, prompt_tokens AS prompt, usage_source AS source FROM request_logs
          WHERE endpoint = '/v1beta/models/{model}:generateContent' AND status = 200
            AND model = 'gemini-2.5-pro' AND provider = 'google'`;
        return rows.length > 0;
      });
      assert.equal(rows[0]?.source, 'provider');
    });
  });
}
