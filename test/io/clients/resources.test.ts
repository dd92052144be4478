import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';

const operations = ['responses', 'files', 'chat'];

test('a resource is found again at its provider, by its owner', async (t) => {
  const { mock: one } = await mockForTest(t);
  const { mock: two } = await mockForTest(t);
  const { mock: claude } = await mockForTest(t);
  const daemon = await startDaemon(t, { workers: 2 });
  const params = { provider_params: { operations } };
  await daemon.addProvider('one', {
    api_base: one.url,
    weight: 5,
    model_mapping: { m: 'm', 'only-one': 'x' },
    ...params,
  });
  await daemon.addProvider('two', {
    api_base: two.url,
    weight: 1,
    model_mapping: { m: 'm', 'only-two': 'x' },
    ...params,
  });
  await daemon.addProvider('claude', {
    api_base: claude.url,
    provider_type: 'anthropic',
    model_mapping: { c: 'c' },
  });
  const alice = await daemon.addKey('alice');
  const bob = await daemon.addKey('bob');
  const few = await daemon.addKey('few', { allowed_models: ['m'] });
  await daemon.reload();
  const client = openAi(daemon, alice);
  const other = openAi(daemon, bob);
  const atTwo = { headers: { 'x-llmproxy-provider': 'two' } };

  /** The error of the SDK that this ends with. */
  async function refusal(
    act: () => PromiseLike<unknown>,
  ): Promise<InstanceType<typeof OpenAI.APIError>> {
    const error = await act().then(
      () => assert.fail('it was answered'),
      (failure: unknown) => failure,
    );
    assert.ok(error instanceof OpenAI.APIError, String(error));
    return error;
  }

  await t.test('stored responses, also streamed, and the turns that follow them', async () => {
    for (const model of ['only-one', 'only-two']) {
      const first = await client.responses.create({ model, input: 'hi' });
      assert.match(first.id, /^resp_/);
      const stream = await client.responses.create({ model, input: 'hi', stream: true });
      let streamed = '';
      for await (const event of stream)
        if (event.type === 'response.created') streamed = event.response.id;
      for (const id of [first.id, streamed]) {
        assert.equal((await client.responses.retrieve(id)).id, id);
        const next = await client.responses.create({ model, input: 'b', previous_response_id: id });
        assert.notEqual(next.id, id);
        const items = await client.responses.inputItems.list(id);
        assert.deepEqual(items.data, []);
        for (const act of [
          () => other.responses.retrieve(id),
          () => other.responses.delete(id),
          () => other.responses.cancel(id),
          () => other.responses.create({ model, input: 'b', previous_response_id: id }),
        ]) {
          const error = await refusal(act);
          assert.equal(error.status, 404);
          assert.equal(error.code, 'not_found');
        }
        await client.responses.cancel(id);
        await client.responses.delete(id);
        assert.equal((await refusal(() => client.responses.retrieve(id))).status, 404);
      }
    }
    const elsewhere = await client.responses.create({ model: 'only-one', input: 'hi' });
    const wrong = await refusal(() =>
      client.responses.create({
        model: 'only-two',
        input: 'b',
        previous_response_id: elsewhere.id,
      }),
    );
    assert.equal(wrong.status, 400);
    assert.match(wrong.message, /lives at the provider "one", which does not serve "only-two"/);
    const unstored = await client.responses.create({ model: 'm', input: 'hi', store: false });
    const forgotten = await refusal(() => client.responses.retrieve(unstored.id));
    assert.match(forgotten.message, /was created with this key/);
    const never = await refusal(() => client.responses.retrieve('resp_never'));
    assert.equal(never.status, 404);
  });

  await t.test(
    'every turn goes to the provider of the first one, regardless of weights',
    async () => {
      const first = await client.responses.create({ model: 'm', input: 'hi' });
      for (let i = 0; i < 12; i++) {
        await client.responses.create({ model: 'm', input: 'b', previous_response_id: first.id });
      }
    },
  );

  await t.test('files and the batches that name them', async () => {
    const content = Buffer.from('{"custom_id":"a"}\n'.repeat(10_000));
    const upload = async (of: OpenAI, options = {}) =>
      of.files.create({ file: await toFile(content, 'in.jsonl'), purpose: 'batch' }, options);
    const file = await upload(client, atTwo);
    assert.equal(file.bytes, content.length);
    assert.equal(two.stats.by_path['/v1/files'], 1);
    const read = await client.files.content(file.id);
    assert.ok(Buffer.from(await read.arrayBuffer()).equals(content));
    const batch = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/responses',
      completion_window: '24h',
    });
    assert.equal(two.stats.by_path['/v1/batches'], 1);
    assert.equal((await client.batches.cancel(batch.id)).status, 'cancelled');
    assert.equal((await client.batches.retrieve(batch.id)).id, batch.id);
    const stolen = await refusal(() =>
      other.batches.create({
        input_file_id: file.id,
        endpoint: '/v1/responses',
        completion_window: '24h',
      }),
    );
    assert.deepEqual([stolen.status, stolen.param], [404, 'input_file_id']);
    const atOne = await upload(client, { headers: { 'x-llmproxy-provider': 'one' } });
    const mixed = await refusal(() =>
      client.vectorStores.create({ file_ids: [file.id, atOne.id] }),
    );
    assert.match(mixed.message, /several providers: two, one/);
    const store = await client.vectorStores.create({ file_ids: [atOne.id] });
    assert.equal((await client.vectorStores.files.list(store.id)).data.length, 0);
    const restricted = await refusal(() =>
      openAi(daemon, few).batches.create({
        input_file_id: file.id,
        endpoint: '/v1/responses',
        completion_window: '24h',
      }),
    );
    assert.equal(restricted.status, 403);
    await client.files.delete(atOne.id);
  });

  await t.test('files inside of messages and tools', async () => {
    const upload = async (options = {}) =>
      (
        await client.files.create(
          { file: await toFile(Buffer.from('x'), 'a.pdf'), purpose: 'user_data' },
          options,
        )
      ).id;
    const file = await upload(atTwo);
    const chatWith = (of: OpenAI, model: string, ...ids: string[]) => {
      const parts = ids.map((file_id) => ({ type: 'file' as const, file: { file_id } }));
      return of.chat.completions
        .create({ model, messages: [{ role: 'user', content: parts }] })
        .withResponse();
    };
    const respondWith = (of: OpenAI, model: string, file_id: string) => {
      const content = [{ type: 'input_file' as const, file_id }];
      return of.responses.create({ model, input: [{ role: 'user', content }] }).withResponse();
    };
    // The other one has five times the weight.
    for (let i = 0; i < 8; i++) {
      const { response } = await (i % 2 === 0 ? chatWith : respondWith)(client, 'm', file);
      assert.equal(response.headers.get('x-llmproxy-provider'), 'two');
    }
    const stolen = await refusal(() => chatWith(other, 'm', file));
    const at = 'messages[0].content[0].file.file_id';
    assert.deepEqual([stolen.status, stolen.code, stolen.param], [404, 'not_found', at]);
    const hidden = await refusal(() => respondWith(other, 'm', file));
    assert.deepEqual([hidden.status, hidden.param], [404, 'input[0].content[0].file_id']);
    const elsewhere = await refusal(() => chatWith(client, 'only-one', file));
    assert.equal(elsewhere.status, 400);
    assert.match(elsewhere.message, /lives at the provider "two", which does not serve "only-one"/);
    const atOne = await upload({ headers: { 'x-llmproxy-provider': 'one' } });
    const mixed = await refusal(() => chatWith(client, 'm', file, atOne));
    assert.match(mixed.message, /several providers: two, one/);
    await chatWith(client, 'only-one', 'file-made-elsewhere');
    const foreign = await refusal(() => chatWith(client, 'c', 'file-made-elsewhere'));
    assert.deepEqual([foreign.status, foreign.param], [400, 'messages[0]']);
    assert.match(foreign.message, /by the id of a file/);
    const store = await client.vectorStores.create({ file_ids: [file] });
    const tools = [{ type: 'file_search' as const, vector_store_ids: [store.id] }];
    const search = (of: OpenAI) => of.responses.create({ model: 'm', input: 'hi', tools });
    const { response } = await search(client).withResponse();
    assert.equal(response.headers.get('x-llmproxy-provider'), 'two');
    const searched = await refusal(() => search(other));
    assert.deepEqual([searched.status, searched.param], [404, 'tools[0].vector_store_ids[0]']);
  });

  await t.test('lists contain this key’s objects, past pages full of others’', async () => {
    const upload = async (of: OpenAI, name: string) =>
      (
        await of.files.create(
          { file: await toFile(Buffer.from('x'), name), purpose: 'batch' },
          atTwo,
        )
      ).id;
    const own = await upload(other, 'own');
    for (let i = 0; i < 5; i++) await upload(client, `more-${i}`);
    const found: string[] = [];
    for await (const file of other.files.list({ limit: 2 }, atTwo)) found.push(file.id);
    assert.deepEqual(found, [own]);
    const page = await other.files.list(
      { limit: 2 },
      { headers: { 'x-llmproxy-provider': 'one' } },
    );
    assert.deepEqual(page.data, []);
  });

  await t.test('a team shares the objects of its keys', async () => {
    await daemon.sql`INSERT INTO teams (name) VALUES ('red')`;
    const [red, blue] = [await daemon.addKey('red-1'), await daemon.addKey('red-2')];
    await daemon.sql`UPDATE credentials SET team = 'red' WHERE name LIKE 'red-%'`;
    await daemon.reload();
    const { id } = await openAi(daemon, red).responses.create({ model: 'm', input: 'hi' });
    assert.equal((await openAi(daemon, blue).responses.retrieve(id)).id, id);
    assert.equal((await refusal(() => client.responses.retrieve(id))).status, 404);
  });

  await t.test('they count against the limits of a key', async () => {
    const counted = await daemon.addKey('counted');
    await daemon.sql`UPDATE credentials SET limits = '{"requests_per_minute": 2}' WHERE name = 'counted'`;
    await daemon.reload();
    const list = () => ask(`${daemon.url}/v1/files`, { headers: bearer(counted) });
    const statuses = [(await list()).status, (await list()).status, (await list()).status];
    assert.deepEqual(statuses, [200, 200, 429]);
  });

  await t.test('conversations, uploads, fine-tuning, counting and compacting', async () => {
    const conversation = await client.conversations.create({ metadata: { a: 'b' } });
    // The provider with the higher weight, unless one is named.
    assert.equal(one.stats.by_path['/v1/conversations'], 1);
    assert.equal((await client.conversations.retrieve(conversation.id)).id, conversation.id);
    assert.equal((await refusal(() => other.conversations.retrieve(conversation.id))).status, 404);
    const asked = { model: 'm', input: 'hi', conversation: conversation.id };
    assert.equal((await refusal(() => other.responses.create(asked))).status, 404);
    await client.responses.create(asked);
    const upload = await client.uploads.create({
      bytes: 4,
      filename: 'a',
      mime_type: 'text/plain',
      purpose: 'batch',
    });
    await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from('data'), 'a') });
    const complete = await client.uploads.complete(upload.id, { part_ids: ['part_1'] });
    const fileId = complete.file?.id ?? assert.fail();
    assert.equal((await client.files.retrieve(fileId)).id, fileId);
    assert.equal((await refusal(() => other.files.retrieve(fileId))).status, 404);
    const job = await client.fineTuning.jobs.create({ model: 'm', training_file: fileId });
    assert.equal((await client.fineTuning.jobs.retrieve(job.id)).id, job.id);
    const counted = await client.responses.inputTokens.count({ model: 'm', input: 'hello you' });
    assert.equal(counted.input_tokens, 3);
    const compacted = await client.responses.compact({ model: 'm', input: 'hello' });
    assert.equal(compacted.object, 'response.compaction');
  });

  await t.test('batches of messages, with errors in their own shape', async () => {
    const options = { baseURL: daemon.url, maxRetries: 0 };
    const anthropic = new Anthropic({ apiKey: alice, ...options });
    const params = {
      model: 'c',
      max_tokens: 5,
      messages: [{ role: 'user' as const, content: 'hi' }],
    };
    const batch = await anthropic.messages.batches.create({
      requests: [{ custom_id: 'a', params }],
    });
    assert.equal((await anthropic.messages.batches.retrieve(batch.id)).id, batch.id);
    const ids: string[] = [];
    for await (const { id } of anthropic.messages.batches.list()) ids.push(id);
    assert.deepEqual(ids, [batch.id]);
    const results: string[] = [];
    for await (const each of await anthropic.messages.batches.results(batch.id)) {
      results.push(`${each.custom_id} ${each.result.type}`);
    }
    assert.deepEqual(results, ['a expired']);
    const bobs = new Anthropic({ apiKey: bob, ...options });
    const error = await bobs.messages.batches
      .retrieve(batch.id)
      .catch((failure: unknown) => failure);
    assert.ok(error instanceof Anthropic.NotFoundError);
    assert.match(error.message, /not_found_error/);
  });

  await t.test(
    'files of Anthropic’s clients, at its provider and for their owner only',
    async () => {
      const options = { baseURL: daemon.url, maxRetries: 0 };
      const anthropic = new Anthropic({ apiKey: alice, ...options });
      const file = new File(['hello'], 'a.txt', { type: 'text/plain' });
      const betas = ['files-api-2025-04-14'];
      const made = await anthropic.beta.files.upload({ file, betas });
      assert.deepEqual([made.type, made.size_bytes], ['file', 5]);
      assert.equal(claude.stats.last?.headers['anthropic-beta'], betas[0]);
      assert.equal((await anthropic.beta.files.retrieveMetadata(made.id)).filename, 'a.txt');
      const content = await anthropic.beta.files.download(made.id);
      assert.equal(await content.text(), 'hello');
      const listOf = async (by: Anthropic) => {
        const ids: string[] = [];
        for await (const { id } of by.beta.files.list()) ids.push(id);
        return ids;
      };
      const bobs = new Anthropic({ apiKey: bob, ...options });
      assert.deepEqual([await listOf(anthropic), await listOf(bobs)], [[made.id], []]);
      const others = (await client.files.list()).data.map(({ id }) => id);
      assert.ok(!others.includes(made.id), 'OpenAI’s are others');
      const source = { type: 'file' as const, file_id: made.id };
      const ask = (by: Anthropic, content: object) =>
        by.beta.messages.create({
          model: 'c',
          max_tokens: 5,
          messages: [{ role: 'user', content: [content as never] }],
        });
      const document = { type: 'document', source };
      assert.equal((await ask(anthropic, document)).type, 'message');
      const inner = { type: 'tool_result', tool_use_id: 't', content: [document] };
      const params = {
        model: 'c',
        max_tokens: 5,
        messages: [{ role: 'user', content: [document] }],
      };
      for (const act of [
        () => bobs.beta.files.retrieveMetadata(made.id),
        () => bobs.beta.files.delete(made.id),
        () => ask(bobs, document),
        () => ask(bobs, inner),
        () =>
          ask(bobs, {
            ...inner,
            content: [
              {
                type: 'document',
                source: { type: 'content', content: [{ type: 'image', source }] },
              },
            ],
          }),
        () => ask(bobs, { type: 'container_upload', file_id: made.id }),
        () =>
          bobs.messages.batches.create({ requests: [{ custom_id: 'a', params: params as never }] }),
      ]) {
        await assert.rejects(act, (error) => error instanceof Anthropic.NotFoundError, String(act));
      }
      assert.equal((await anthropic.beta.files.delete(made.id)).type, 'file_deleted');
    },
  );

  await t.test('impossible values are refused by name', async () => {
    const cases: [
      method: string,
      path: string,
      headers: Record<string, string>,
      status: number,
      text: RegExp,
    ][] = [
      ['GET', '/v1/files', { 'x-llmproxy-provider': 'none' }, 400, /No provider \\"none\\" has/],
      [
        'GET',
        '/v1/files',
        { 'x-llmproxy-provider': 'claude' },
        400,
        /"param":"x-llmproxy-provider"/,
      ],
      ['PUT', '/v1/files/file-1', {}, 405, /takes GET, POST, DELETE, not PUT/],
      ['DELETE', '/v1/files', {}, 405, /takes GET, POST/],
      ['POST', '/v1/batches', {}, 400, /invalid_json/],
      ['GET', '/v1/files/%ff', {}, 400, /not well encoded/],
      ['GET', '/v1/files/', {}, 404, /not_found/],
    ];
    for (const [method, path, headers, status, text] of cases) {
      const body = method === 'POST' ? { body: 'x' } : {};
      const answered = await ask(daemon.url + path, {
        method,
        headers: { ...bearer(alice), ...headers },
        ...body,
      });
      assert.equal(answered.status, status, `${method} ${path}: ${answered.text}`);
      assert.match(answered.text, text);
    }
    const { status } = await ask(`${daemon.url}/v1/files`, {});
    assert.equal(status, 401);
  });

  await t.test('it is still known after a restart', async () => {
    const { id } = await client.responses.create({ model: 'only-two', input: 'hi' });
    await until(
      'the row',
      async () => (await daemon.sql`SELECT FROM resources WHERE id = ${id}`).length === 1,
    );
    await daemon.stop();
    const again = await startDaemon(t, {
      home: daemon.home,
      database: { dbUrl: daemon.dbUrl ?? assert.fail(), sql: daemon.sql },
    });
    assert.equal((await openAi(again, alice).responses.retrieve(id)).id, id);
    assert.equal((await refusal(() => openAi(again, bob).responses.retrieve(id))).status, 404);
  });
});
