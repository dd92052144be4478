import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { provider } from '../config/configuration-for-test.js';
import { type Answer, startUpstream } from '../support/upstream.js';
import {
  answers,
  clientDialects,
  guarded,
  guardrail,
  pathOf,
  post,
  requestIn,
  streamIn,
  textIn,
} from './guarded.js';

const email = 'alice@example.com';
const json =
  (body: unknown): Answer =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

test('texts are found at every endpoint with a JSON body', async (t) => {
  const bodies: Record<string, object> = {
    '/v1/completions': { model: 'm', prompt: ['a', `to ${email}`] },
    '/v1/embeddings': { model: 'm', input: [`to ${email}`] },
    '/v1/images/generations': { model: 'm', prompt: `draw ${email}` },
    '/v1/moderations': { model: 'm', input: [{ type: 'text', text: email }] },
    '/v1/rerank': { model: 'm', query: email, documents: [{ text: email }, 'x'] },
    '/v1/audio/speech': { model: 'm', input: `say ${email}`, voice: 'x' },
    '/v1/chat/completions': {
      model: 'm',
      messages: [
        {
          role: 'assistant',
          tool_calls: [
            { id: 'c', type: 'function', function: { name: 'f', arguments: `{"to":"${email}"}` } },
          ],
        },
        { role: 'tool', tool_call_id: 'c', content: email },
      ],
    },
  };
  const { origin, provider: upstream } = await guarded(
    t,
    [guardrail('pii', 'pii', {}, { phases: ['request'] })],
    'openai.chat',
    json({ data: [], results: [] }),
  );
  let served = 0;
  for (const [path, body] of Object.entries(bodies)) {
    const before = upstream.received.length;
    const { status, text } = await post(origin, path, JSON.stringify(body));
    const sent = upstream.received[before]?.body.toString();
    if (sent === undefined) {
      assert.match(text, /model_not_found/, `${path} ${status}`);
      continue;
    }
    assert.equal(sent, JSON.stringify(body).replaceAll(email, '[EMAIL_1]'), path);
    served++;
  }
  assert.ok(served >= 5, String(served));
});

test('unreadable content is refused by an enforcing guardrail, and reported by a monitoring one', async (t) => {
  const form = [
    '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n',
    `--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n${email}\r\n`,
    '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nxx\r\n--b--\r\n',
  ].join('');
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const path = '/v1/audio/transcriptions';
  const params = { provider_params: { operations: ['transcriptions' as const] } };
  const hear = await startUpstream(t, json({ text: 'heard' }));
  const listener = provider('hears', { api_base: hear.url, ...params, model_mapping: { m: 'm' } });

  const enforced = await guarded(t, [guardrail('pii', 'pii')], 'openai.chat', json({}), [listener]);
  const refused = await post(enforced.origin, path, form, headers);
  assert.equal(refused.status, 400);
  assert.equal(JSON.parse(refused.text).error.code, 'guardrail_unchecked');
  assert.match(refused.text, /cannot check a form with files/);
  assert.equal(hear.received.length, 0);
  assert.equal(enforced.last()?.guardrails?.[0]?.verdict, 'refused');

  for (const fields of [{ mode: 'monitor' as const }, { on_error: 'open' as const }]) {
    const open = await guarded(t, [guardrail('pii', 'pii', {}, fields)], 'openai.chat', json({}), [
      listener,
    ]);
    const passed = await post(open.origin, path, form, headers);
    assert.equal(passed.status, 200, passed.text);
    assert.equal(open.last()?.error, 'guardrail_skipped');
    assert.deepEqual(open.last()?.guardrails?.[0]?.found, ['unchecked']);
  }
});

test('an answer that is not text is refused, and plain text is checked', async (t) => {
  const binary: Answer = (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/octet-stream' })
      .end(Buffer.from([0, 255, 1]));
  const rows = [guardrail('pii', 'pii', {}, { phases: ['answer'] })];
  const path = pathOf('openai.chat', false);
  const one = await guarded(t, rows, 'openai.chat', binary);
  const refused = await post(one.origin, path, requestIn('openai.chat', 'hi'));
  assert.equal(JSON.parse(refused.text).error.code, 'guardrail_unchecked');
  const plain: Answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/plain' }).end(`1\n${email}\n`);
  const other = await guarded(t, rows, 'openai.chat', plain);
  const { text } = await post(other.origin, path, requestIn('openai.chat', 'hi'));
  assert.equal(text, '1\n[EMAIL_1]\n');
});

test('a provider of another dialect gets the edited request, and its answer is checked', async (t) => {
  const rows = [guardrail('pii', 'pii', { restore: true })];
  for (const client of clientDialects) {
    for (const spoken of clientDialects) {
      if (client === spoken || spoken === 'openai.responses') continue;
      const pieces = ['I told [EMA', 'IL_1] and bo', 'b@example.com.'];
      const { origin, provider: upstream } = await guarded(
        t,
        rows,
        spoken,
        answers(spoken, pieces),
      );
      for (const stream of [false, true]) {
        const { status, text } = await post(
          origin,
          pathOf(client, stream),
          requestIn(client, `Mail ${email}`, stream),
        );
        assert.equal(status, 200, `${client} over ${spoken}: ${text}`);
        assert.equal(textIn(client, text, stream), `I told ${email} and [EMAIL_2].`);
        assert.ok(!upstream.received.at(-1)?.body.includes('alice'));
      }
    }
  }
});

test('arguments of tools are checked in pieces, and put back as JSON', async (t) => {
  const rows = [
    guardrail('name', 'regex', {
      patterns: [{ name: 'who', pattern: 'Al"ice' }],
      action: 'redact',
      restore: true,
    }),
  ];
  const delta = (text: string) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: text } }] } }] })}\n\n`;
  const said = `${delta('{"to":"[WH')}${delta('O_1]"}')}data: [DONE]\n\n`;
  const { origin } = await guarded(t, rows, 'openai.chat', (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(said),
  );
  const { text } = await post(
    origin,
    pathOf('openai.chat', true),
    requestIn('openai.chat', 'Al"ice', true),
  );
  const pieces = [...text.matchAll(/"arguments":("(?:[^"\\]|\\.)*")/g)].map(([, piece]) =>
    JSON.parse(piece ?? '""'),
  );
  assert.deepEqual(JSON.parse(pieces.join('')), { to: 'Al"ice' });
});

test('an escape in the arguments of a tool hides nothing', async (t) => {
  const { origin, provider: upstream } = await guarded(
    t,
    [guardrail('pii', 'pii')],
    'openai.chat',
    answers('openai.chat', ['ok']),
  );
  const call = (text: string) => ({
    model: 'm',
    messages: [
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }],
      },
    ],
  });
  const path = pathOf('openai.chat', false);
  await post(origin, path, JSON.stringify(call('{"n":"a\\nb","to":"alice\\u0040example.com"}')));
  const sent = upstream.received[0]?.body.toString() ?? '';
  assert.equal(sent, JSON.stringify(call('{"n":"a\\nb","to":"[EMAIL_1]"}')));
});

test('a text replaced in arguments of tools is restored as it reads, not as it was escaped', async (t) => {
  const { origin } = await guarded(
    t,
    [guardrail('pii', 'pii', { restore: true })],
    'openai.chat',
    answers('openai.chat', ['I mailed [EMAIL_1].']),
  );
  const args = '{"to":"j\\u00fcrgen@example.com"}';
  const calls = [{ function: { arguments: args } }];
  const body = { model: 'm', messages: [{ role: 'assistant', tool_calls: calls }] };
  const { text } = await post(origin, pathOf('openai.chat', false), JSON.stringify(body));
  assert.equal(textIn('openai.chat', text, false), 'I mailed jürgen@example.com.');
});

test('guardrails are for the key, team and model that they name', async (t) => {
  const rows = [
    guardrail('of-model', 'pii', {}, { applies_to: { model: 'gpt-*' }, phases: ['request'] }),
    guardrail('of-key', 'pii', {}, { applies_to: { key: 'nobody' }, phases: ['request'] }),
    guardrail('of-team', 'pii', {}, { applies_to: { team: 'nobody' }, phases: ['request'] }),
    guardrail('off', 'pii', {}, { is_enabled: false }),
  ];
  const {
    origin,
    provider: upstream,
    last,
  } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
  const path = pathOf('openai.chat', false);
  await post(origin, path, requestIn('openai.chat', email));
  assert.ok(upstream.received[0]?.body.includes(email));
  assert.equal(last()?.guardrails, null);
  const body = requestIn('openai.chat', email).toString().replace('"m"', '"gpt-4o"');
  await post(origin, path, body);
  assert.ok(!upstream.received[1]?.body.includes(email));
  assert.deepEqual(
    last()?.guardrails?.map(({ guardrail }) => guardrail),
    ['of-model'],
  );
});

test('a schema allows tools and file types, a size bounds prompts', async (t) => {
  const rows = [
    guardrail('shape', 'schema', {
      allowed_tools: ['get_*'],
      denied_tools: ['get_secret'],
      allowed_file_types: ['image/*'],
    }),
    guardrail('size', 'size', { max_prompt_chars: 200, max_messages: 2, max_tools: 1 }),
  ];
  const { origin, last } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
  const say = { role: 'user', content: 'hi' };
  const tool = (name: string) => ({ type: 'function', function: { name, parameters: {} } });
  const file = (url: string) => ({
    role: 'user',
    content: [{ type: 'image_url', image_url: { url } }],
  });
  const pdf = {
    role: 'user',
    content: [
      {
        type: 'file',
        file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${'A'.repeat(80)}` },
      },
    ],
  };
  const cases: [object, string | null][] = [
    [{ messages: [say], tools: [tool('get_weather')] }, null],
    [{ messages: [file('https://x.example/a.png')] }, null],
    [{ messages: [say], tools: [tool('set_weather')] }, 'tool'],
    [{ messages: [say], tools: [tool('get_secret')] }, 'tool'],
    [{ messages: [pdf] }, 'file_type'],
    [{ messages: [say, say, say] }, 'messages'],
    [{ messages: [say], tools: [tool('get_a'), tool('get_b')] }, 'tools'],
    [{ messages: [{ role: 'user', content: 'x'.repeat(201) }] }, 'prompt'],
    [{ messages: [{ role: 'user', content: 'x'.repeat(200) }] }, null],
  ];
  for (const [body, found] of cases) {
    const { status, text } = await post(
      origin,
      pathOf('openai.chat', false),
      JSON.stringify({ model: 'm', ...body }),
    );
    assert.equal(status, found === null ? 200 : 400, text);
    const fired = last()?.guardrails?.filter(({ verdict }) => verdict === 'refused') ?? [];
    assert.deepEqual(
      fired.flatMap(({ found: names }) => names),
      found === null ? [] : [found],
    );
  }
});

test('a moderation model is asked through the gateway, and its request is recorded', async (t) => {
  const asked: string[][] = [];
  const moderator = await startUpstream(t, ({ body }, response) => {
    const { input } = JSON.parse(body.toString());
    asked.push(input);
    const results = input.map((text: string) => ({
      flagged: text.includes('harm'),
      categories: { violence: text.includes('harm'), hate: false },
      category_scores: { violence: text.includes('harm') ? 0.9 : 0.1, hate: 0.3 },
    }));
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ results }));
  });
  const judge = provider('judge', { api_base: moderator.url, model_mapping: { 'mod-1': 'mod-1' } });
  const path = pathOf('openai.chat', false);
  const rows = [guardrail('harm', 'moderation', { model: 'mod-1' })];
  const { origin, last, records } = await guarded(
    t,
    rows,
    'openai.chat',
    answers('openai.chat', ['fine']),
    [judge],
  );
  assert.equal((await post(origin, path, requestIn('openai.chat', 'be nice'))).status, 200);
  assert.deepEqual(asked, [['be nice'], ['fine', 'assistant'].slice(0, 1)]);
  const own = records().filter(({ model }) => model === 'mod-1');
  assert.deepEqual(
    own.map(({ endpoint, provider: by, status }) => [endpoint, by, status]),
    [
      ['/v1/moderations', 'judge', 200],
      ['/v1/moderations', 'judge', 200],
    ],
  );
  const refused = await post(origin, path, requestIn('openai.chat', 'do harm'));
  assert.equal(refused.status, 400);
  assert.match(refused.text, /does not allow this request: violence\./);
  assert.deepEqual(last()?.guardrails?.[0]?.found, ['violence']);

  const low = [
    guardrail('harm', 'moderation', { model: 'mod-1', threshold: 0.25, categories: ['hate'] }),
  ];
  const strict = await guarded(t, low, 'openai.chat', answers('openai.chat', ['fine']), [judge]);
  const by = await post(strict.origin, path, requestIn('openai.chat', 'be nice'));
  assert.match(by.text, /request: hate\./);

  const gone = [guardrail('harm', 'moderation', { model: 'none' })];
  const closed = await guarded(t, gone, 'openai.chat', answers('openai.chat', ['fine']), [
    { ...judge, model_mapping: { 'mod-1': 'mod-1' } },
  ]);
  const failed = await post(closed.origin, path, requestIn('openai.chat', 'hi'));
  assert.equal(JSON.parse(failed.text).error.code, 'guardrail_failed');
  assert.match(
    closed.last()?.guardrails?.[0]?.found.join() ?? '',
    /no provider serves the model none/,
  );
});

test('a stream with a local guardrail passes each word as soon as it has ended', async (t) => {
  const rows = [
    guardrail('pii', 'pii'),
    guardrail('words', 'regex', { patterns: [{ name: 'x', pattern: '(?i)top secret' }] }),
  ];
  let go: () => void = () => {};
  const { origin } = await guarded(t, rows, 'openai.chat', async (_request, response) => {
    const all = streamIn('openai.chat', ['Hello ', 'world ', 'again'])
      .toString()
      .split(/(?<=\n\n)/);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // The first word is released before the second arrives.
    const second = all.findIndex((event) => event.includes('world'));
    response.write(all.slice(0, second).join(''));
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    response.end(all.slice(second).join(''));
  });
  const answered = post(origin, pathOf('openai.chat', true), requestIn('openai.chat', 'hi', true));
  await pause(200);
  go();
  const { text, times } = await answered;
  assert.equal(textIn('openai.chat', text, true), 'Hello world again');
  assert.ok(times.length > 1, 'the first word came apart from the others');
});
