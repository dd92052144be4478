import assert from 'node:assert/strict';
import { request as ask, type IncomingHttpHeaders } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { Provider } from '../../../src/config/configuration.js';
import { provider } from '../../config/configuration-for-test.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { type ChatAnswer, gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

interface Asked {
  provider: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** A gateway in front of these providers, and the requests they got. */
async function served(
  t: TestContext,
  answers: Record<string, { answer: Answer } & Partial<Provider>>,
) {
  const asked: Asked[] = [];
  const providers: Provider[] = [];
  for (const [key, { answer, ...fields }] of Object.entries(answers)) {
    const { url } = await startUpstream(t, (request, response) => {
      const { path, headers, body } = request;
      asked.push({ provider: key, path, headers, body: JSON.parse(body.toString()) });
      answer(request, response);
    });
    providers.push(provider(key, { api_base: url, ...fields }));
  }
  const gateway = gatewayForTest(t, providers);
  const origin = await serveGateway(t, gateway);
  return { asked, origin, gateway, last: () => recordsOf(gateway).at(-1) };
}

function post(
  origin: string,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<ChatAnswer> {
  return new Promise((resolve, reject) => {
    const sent = ask(origin + path, { method: 'POST', agent: false, headers }, (response) => {
      let text = '';
      const { statusCode: status = 0 } = response;
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', () => {});
      response.on('close', () =>
        resolve({ status, headers: response.headers, text, whole: response.complete }),
      );
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
const events =
  (data: readonly object[], end = true): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(data.map((each) => `data: ${JSON.stringify(each)}\n\n`).join(''));
    if (end) response.end();
    else setTimeout(() => response.destroy(), 20);
  };

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 5, cache_read_input_tokens: 2, output_tokens: 3 },
};
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'gpt',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 4, completion_tokens: 1, total_tokens: 5 },
};
const start = { type: 'message_start', message: { ...message, content: [], stop_reason: null } };
const open = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const said = (text: string) => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text },
});

const hi = { role: 'user', content: 'hi' };
const chatBody = { model: 'm', messages: [hi] };
const messagesBody = { model: 'm', max_tokens: 10, messages: [hi] };
const claude = { provider_type: 'anthropic' as const };
const chatPath = '/v1/chat/completions';

test('a request is translated for the provider, and its answer for the client', async (t) => {
  const { asked, origin, last } = await served(t, { a: { answer: json(200, message), ...claude } });
  const sent = { 'openai-beta': 'x', 'anthropic-beta': 'y', authorization: 'Bearer sk-test' };
  const { status, headers, text } = await post(origin, `${chatPath}?beta=true`, chatBody, sent);
  assert.equal(status, 200);
  const answer = JSON.parse(text);
  assert.equal(answer.choices[0].message.content, 'hello');
  assert.deepEqual(answer.usage.prompt_tokens, 7);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['x-llmproxy-provider'], 'a');
  const [request] = asked;
  assert.equal(request?.path, '/v1/messages');
  assert.equal(request.body.model, 'm');
  assert.equal(request.headers['content-type'], 'application/json');
  assert.equal(request.headers['anthropic-version'], '2023-06-01');
  assert.equal(request.headers.authorization, undefined);
  for (const name of ['openai-beta', 'anthropic-beta']) {
    assert.equal(request.headers[name], undefined, 'it is meant for another API');
  }
  const record = last();
  const { promptTokens, completionTokens } = record?.usage ?? {};
  assert.deepEqual([promptTokens, completionTokens], [7, 3]);
  assert.deepEqual([record?.status, record?.complete, record?.stream], [200, true, false]);
});

test('providers that speak the dialect are asked first, regardless of priority', async (t) => {
  const late = { provider_params: { priority: 5 } };
  const { asked, origin } = await served(t, {
    chat: { answer: json(200, completion) },
    native: { answer: json(500, {}), ...claude, ...late },
  });
  const { status, text, headers } = await post(origin, '/v1/messages', messagesBody);
  assert.deepEqual(
    asked.map(({ provider, path }) => [provider, path]),
    [
      ['native', '/v1/messages'],
      ['chat', '/v1/chat/completions'],
    ],
  );
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text).content, [{ type: 'text', text: 'hi' }]);
  assert.equal(headers['x-llmproxy-attempts'], '2');
  assert.match(String(headers['request-id']), /^[0-9a-f-]{36}$/);
});

test('a provider’s error has the client’s shape, its own text and Retry-After', async (t) => {
  const error = { type: 'error', error: { type: 'rate_limit_error', message: 'slower, please' } };
  const { origin } = await served(t, {
    a: { answer: json(429, error, { 'retry-after': '7', 'request-id': 'req_1' }), ...claude },
  });
  const { status, headers, text } = await post(origin, chatPath, chatBody);
  assert.equal(status, 429);
  assert.equal(JSON.parse(text).error.message, 'slower, please');
  assert.deepEqual([headers['retry-after'], headers['x-upstream-request-id']], ['7', 'req_1']);
  assert.equal(headers['request-id'], undefined);
  const bad = { type: 'error', error: { type: 'invalid_request_error', message: 'too long' } };
  const refusing = await served(t, { a: { answer: json(400, bad), ...claude } });
  const refused = await post(refusing.origin, chatPath, chatBody);
  assert.deepEqual([refused.status, JSON.parse(refused.text).error.message], [400, 'too long']);
  const overloaded = { error: { message: 'too busy', type: 'server_error' } };
  const other = await served(t, { b: { answer: json(503, overloaded) } });
  const answer = await post(other.origin, '/v1/messages', { ...messagesBody, stream: true });
  assert.equal(answer.status, 529);
  const shape = { type: 'error', error: { type: 'overloaded_error', message: 'too busy' } };
  assert.deepEqual(JSON.parse(answer.text).error, shape.error);
});

test('a stream that breaks ends with an error of the client’s dialect, and never as if whole', async (t) => {
  const failure = { type: 'error', error: { type: 'overloaded_error', message: 'busy' } };
  for (const [data, end, reason] of [
    [[start, open, said('one'), failure], true, /busy/],
    [[start, open, said('one')], true, /ended its stream before/],
    [[start, open, said('one')], false, /closed the connection/],
    [[start, open, said('one'), { type: 'content_block_delta', index: 0, delta: 7 }], true, /read/],
  ] as const) {
    const { origin, last } = await served(t, { a: { answer: events(data, end), ...claude } });
    const { text, whole, headers } = await post(origin, chatPath, { ...chatBody, stream: true });
    assert.match(String(headers['content-type']), /^text\/event-stream/);
    const told = text.split('\n\n').filter(Boolean);
    assert.match(text, /"content":"one"/);
    assert.match(JSON.parse(told.at(-1)?.slice('data: '.length) ?? '').error.message, reason);
    assert.ok(!text.includes('[DONE]') && !text.includes('"finish_reason":"stop"'), text);
    assert.equal(whole, false);
    const record = last();
    assert.deepEqual([record?.complete, record?.error], [false, 'upstream_failed']);
    assert.ok(record?.uncounted, 'what came is counted');
  }
});

test('the error in a stream of messages names the request, as Anthropic’s do', async (t) => {
  const chunk = { choices: [{ index: 0, delta: { content: 'one' }, finish_reason: null }] };
  const failure = { error: { message: 'busy', type: 'server_error' } };
  for (const [data, end] of [
    [[chunk, failure], true],
    [[chunk], true],
    [[chunk], false],
    [[chunk, { choices: 7 }], true],
  ] as const) {
    const { origin } = await served(t, { a: { answer: events(data, end) } });
    const asked = { ...messagesBody, stream: true };
    const { text, headers } = await post(origin, '/v1/messages', asked);
    const last = text.split('\n\n').filter(Boolean).at(-1) ?? '';
    assert.match(last, /^event: error\ndata: /);
    assert.equal(JSON.parse(last.slice(last.indexOf('{'))).request_id, headers['request-id']);
    assert.ok(headers['request-id']);
  }
});

test('a head sent while a stream of messages waits names the request, too', async (t) => {
  const busy = { error: { message: 'busy', type: 'server_error' } };
  let answer = () => {};
  const { origin, gateway } = await served(t, {
    a: {
      answer: (request, response) => {
        answer = () => json(503, busy)(request, response);
      },
    },
  });
  gateway.settings.server.keepalive_ms = 20;
  const response = await fetch(`${origin}/v1/messages`, {
    method: 'POST',
    body: JSON.stringify({ ...messagesBody, stream: true }),
    signal: AbortSignal.timeout(20_000),
  });
  answer();
  assert.equal(response.status, 200);
  const last = (await response.text()).split('\n\n').filter(Boolean).at(-1) ?? '';
  const { request_id } = JSON.parse(last.slice(last.indexOf('{')));
  assert.equal(request_id, response.headers.get('request-id'));
  assert.equal(request_id, response.headers.get('x-request-id'));
});

test('a stream that fails before its first content is requested from the next provider', async (t) => {
  const failure = { type: 'error', error: { type: 'overloaded_error', message: 'busy' } };
  const { asked, origin } = await served(t, {
    a: { answer: events([start, failure]), ...claude },
    b: { answer: json(200, message), ...claude, provider_params: { priority: 1 } },
  });
  const { status } = await post(origin, chatPath, { ...chatBody, stream: true });
  assert.deepEqual(
    asked.map(({ provider }) => provider),
    ['a', 'b'],
  );
  assert.equal(status, 503, 'b answers without the stream that was asked for');
});

test('an answer that is too long to be held at first is translated whole', async (t) => {
  const text = 'x'.repeat(600_000);
  const long = { ...message, content: [{ type: 'text', text }] };
  const { origin, last } = await served(t, { a: { answer: json(200, long), ...claude } });
  const answer = await post(origin, chatPath, chatBody);
  assert.equal(JSON.parse(answer.text).choices[0].message.content, text);
  assert.deepEqual([last()?.complete, answer.whole], [true, true]);
});

test('an unreadable answer is a 502 in the client’s shape', async (t) => {
  for (const answer of [json(200, { hello: 1 }), json(200, [1]), events([start])]) {
    const { origin, last } = await served(t, { a: { answer, ...claude } });
    const { status, text } = await post(origin, chatPath, chatBody);
    assert.deepEqual([status, JSON.parse(text).error.code], [502, 'upstream_failed'], text);
    assert.equal(last()?.error, 'upstream_failed');
  }
});

test('tokens are counted from texts where the provider reports none', async (t) => {
  const { usage: _, ...silent } = completion;
  const { origin, last } = await served(t, { a: { answer: json(200, silent) } });
  await post(origin, '/v1/messages', messagesBody);
  const record = last();
  assert.equal(record?.usage, null);
  assert.match(String(record.uncounted?.answer[0]), /"text":"hi"/);
  assert.deepEqual(JSON.parse(String(record.uncounted?.request)), messagesBody);
});

test('an unreadable field is named, and no provider is asked', async (t) => {
  const { asked, origin } = await served(t, { a: { answer: json(200, message), ...claude } });
  const { status, text } = await post(origin, chatPath, { model: 'm', messages: [{ role: 7 }] });
  assert.equal(status, 400);
  assert.equal(JSON.parse(text).error.param, 'messages[0].role');
  assert.deepEqual(asked, []);
});

test('losses are reported, refused or ignored by the provider’s policy', async (t) => {
  const lossy = { ...chatBody, seed: 1, logit_bias: { 1: 2 } };
  const lost = (losses?: 'strict' | 'warn' | 'allow') =>
    served(t, {
      a: { answer: json(200, message), ...claude, provider_params: losses ? { losses } : {} },
    });
  for (const policy of [undefined, 'warn'] as const) {
    const { headers } = await post((await lost(policy)).origin, chatPath, lossy);
    assert.equal(headers['x-llmproxy-lost'], 'seed=dropped, logit_bias=dropped');
  }
  const allowing = await lost('allow');
  const silent = await post(allowing.origin, chatPath, lossy);
  const translation = { to: 'anthropic.messages', lost: 'seed=dropped, logit_bias=dropped' };
  assert.deepEqual(allowing.last()?.translation, translation, 'it is recorded all the same');
  assert.deepEqual([silent.status, silent.headers['x-llmproxy-lost']], [200, undefined]);
  const strict = await lost('strict');
  const { status, text } = await post(strict.origin, chatPath, lossy);
  assert.equal(status, 400);
  assert.match(JSON.parse(text).error.message, /'seed'.*'logit_bias'/);
  assert.deepEqual(strict.asked, []);
  const nothing = await post(strict.origin, chatPath, chatBody);
  assert.deepEqual([nothing.status, nothing.headers['x-llmproxy-lost']], [200, undefined]);
  assert.equal(strict.last()?.attempts, 1);
  assert.deepEqual(strict.last()?.translation, { ...translation, lost: null });
});

test('a request that one provider cannot express moves to the next', async (t) => {
  const { asked, origin } = await served(t, {
    a: { answer: json(200, message), ...claude, provider_params: { losses: 'strict' } },
    b: { answer: json(200, message), ...claude, provider_params: { priority: 1 } },
  });
  const { status } = await post(origin, chatPath, { ...chatBody, seed: 1 });
  assert.equal(status, 200);
  assert.deepEqual(
    asked.map(({ provider }) => provider),
    ['b'],
  );
});

test('a provider’s own error is the answer if other dialects cannot express the request', async (t) => {
  const lossyBody = { ...chatBody, seed: 1 };
  const strict = {
    answer: json(200, message),
    ...claude,
    provider_params: { losses: 'strict' as const },
  };
  const broken = await served(t, {
    a: { answer: (_request, response) => response.socket?.destroy() },
    b: strict,
  });
  const { status: failed } = await post(broken.origin, chatPath, lossyBody);
  assert.equal(failed, 502, 'that it could not be reached says more');
  const { origin } = await served(t, {
    a: { answer: json(500, { error: { message: 'mine' } }) },
    b: { answer: json(200, message), ...claude, provider_params: { losses: 'strict' } },
  });
  const { status, text } = await post(origin, chatPath, { ...chatBody, seed: 1 });
  assert.deepEqual([status, JSON.parse(text).error.message], [500, 'mine']);
});

test('the next turn goes to the provider that made the reasoning, while it exists', async (t) => {
  const thought = { type: 'thinking', thinking: 'hm', signature: 'c2ln' };
  const call = { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} };
  const thinking = { ...message, content: [thought, call], stop_reason: 'tool_use' };
  const one = { answer: json(200, thinking), ...claude };
  const { asked, origin, gateway } = await served(t, {
    native: { answer: json(200, completion) },
    a: { ...one, provider_params: { priority: 1 } },
    b: one,
    c: one,
  });
  const tools = [{ type: 'function', name: 'f', parameters: { type: 'object' } }];
  const body = { model: 'm', store: false, tools };
  const turn = (output: unknown[]) => {
    const result = { type: 'function_call_output', call_id: 'toolu_1', output: 'ok' };
    return post(origin, '/v1/responses', { ...body, input: [hi, ...output, result] });
  };
  const outputs = new Map<string, unknown[]>();
  for (let i = 0; i < 6; i++) {
    const { text, headers } = await post(origin, '/v1/responses', { ...body, input: [hi] });
    outputs.set(String(headers['x-llmproxy-provider']), JSON.parse(text).output);
  }
  assert.deepEqual([...outputs.keys()].sort(), ['b', 'c', 'native']);
  for (let i = 0; i < 4; i++) {
    for (const name of ['b', 'c']) {
      const { headers } = await turn(outputs.get(name) ?? []);
      assert.equal(headers['x-llmproxy-provider'], name);
      assert.equal(headers['x-llmproxy-lost'], undefined);
    }
  }
  const forged = (outputs.get('b') as { encrypted_content?: string }[]).map((item) =>
    item.encrypted_content
      ? { ...item, encrypted_content: `${item.encrypted_content.slice(0, -4)}AAAA` }
      : item,
  );
  const seen = new Set<unknown>();
  for (let i = 0; i < 6; i++) seen.add((await turn(forged)).headers['x-llmproxy-provider']);
  assert.equal(seen.size, 3, 'what this gateway did not sign moves nobody');
  for (let i = 0; i < 20; i++) gateway.health.failed('b', null, Date.now());
  asked.length = 0;
  const { headers } = await turn(outputs.get('b') ?? []);
  assert.notEqual(headers['x-llmproxy-provider'], 'b', 'it is out');
});

test('signed reasoning comes back to its provider through a client of responses', async (t) => {
  const thought = { type: 'thinking', thinking: 'hm', signature: 'c2ln' };
  const call = { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} };
  const thinking = { ...message, content: [thought, call], stop_reason: 'tool_use' };
  const { asked, origin } = await served(t, { a: { answer: json(200, thinking), ...claude } });
  const tools = [{ type: 'function', name: 'f', parameters: { type: 'object' } }];
  const body = { model: 'm', store: false, include: ['reasoning.encrypted_content'], tools };
  const first = await post(origin, '/v1/responses', { ...body, input: [hi] });
  const { output } = JSON.parse(first.text);
  assert.match(output[0].encrypted_content, /^llmproxy/, 'the signature itself is not shown');
  const result = { type: 'function_call_output', call_id: 'toolu_1', output: 'ok' };
  await post(origin, '/v1/responses', { ...body, input: [hi, ...output, result] });
  const [, turn] = (asked[1]?.body.messages ?? []) as { content: unknown[] }[];
  assert.deepEqual(turn?.content, [thought, call]);
});

test('an answer that cannot be translated counts as a failure, and another provider is asked', async (t) => {
  const late = { provider_params: { priority: 5 } };
  const good = { answer: json(200, message), ...claude, ...late };
  for (const nonsense of [{ content: 'x' }, { no: 'answer' }]) {
    const { asked, origin, last, gateway } = await served(t, {
      a: { answer: json(200, nonsense), ...claude },
      b: good,
    });
    const { status, text, headers } = await post(origin, chatPath, chatBody);
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).choices[0].message.content, 'hello');
    assert.equal(headers['x-llmproxy-provider'], 'b');
    assert.deepEqual(
      asked.map(({ provider }) => provider),
      ['a', 'b'],
    );
    const [first] = last()?.attemptsLog ?? [];
    assert.deepEqual([first?.provider, first?.outcome], ['a', 'protocol']);
    assert.equal(gateway.health.isSound('a'), false);
  }
  const alone = await served(t, { a: { answer: json(200, { no: 'answer' }), ...claude } });
  const refused = await post(alone.origin, chatPath, chatBody);
  assert.equal(refused.status, 502);
  assert.match(JSON.parse(refused.text).error.message, /answer cannot be read/);
});

test('a stream that cannot be translated from its start is requested from another provider', async (t) => {
  const nonsense = {
    type: 'content_block_delta',
    index: 7,
    delta: { type: 'text_delta', text: 'x' },
  };
  const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: message.usage };
  const good = [start, open, said('hel'), said('lo'), { type: 'content_block_stop', index: 0 }];
  const { asked, origin } = await served(t, {
    a: { answer: events([start, nonsense]), ...claude },
    b: {
      answer: events([...good, end, { type: 'message_stop' }]),
      ...claude,
      provider_params: { priority: 5 },
    },
  });
  const { status, text, whole } = await post(origin, chatPath, { ...chatBody, stream: true });
  assert.deepEqual([status, whole, asked.length], [200, true, 2]);
  assert.match(text, /"content":"hel"[\s\S]*"content":"lo"[\s\S]*\[DONE\]/);
  assert.doesNotMatch(text, /error/);
});

test('an image by URL is fetched for a provider that takes its content, where the settings say so', async (t) => {
  const { url } = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png' }).end('abc');
  });
  const google = { candidates: [{ content: { parts: [{ text: 'hi' }] }, finishReason: 'STOP' }] };
  const answers = { a: { answer: json(200, google), provider_type: 'gemini' as const } };
  const image = { type: 'image_url', image_url: { url: `${url}/a.png` } };
  const body = { model: 'm', messages: [{ role: 'user', content: [image] }] };
  const off = await served(t, answers);
  const refused = await post(off.origin, chatPath, body);
  assert.equal(refused.status, 400);
  assert.match(refused.text, /could not be fetched/);
  const on = await served(t, answers);
  on.gateway.settings.upstream.fetch_media = 'any';
  const told = await post(on.origin, chatPath, body);
  assert.equal(told.status, 200, told.text);
  assert.match(JSON.stringify(on.asked[0]?.body), /"data":"YWJj"/);
});
