import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { OpenaiOperation } from '../../../src/config/configuration.js';
import type { Engine } from '../../../src/server/exchange.js';
import { netEngine } from '../../../src/server/net.js';
import { nodeEngine } from '../../../src/server/node.js';
import { provider } from '../../config/configuration-for-test.js';
import { chat, gatewayForTest, recordsOf, serveGateway } from '../../proxy/gateway-for-test.js';
import { type Answer, answerChat, startUpstream } from '../../support/upstream.js';

const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}';
const whole = `{"choices":[{"message":{"content":"${'long '.repeat(2_000)}"}}],${usage}}`;
const content = 'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n';
const streamed = `${content}data: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`;
const visible = `${content}data: [DONE]\n\n`;

const answering =
  (body: string | Buffer, type = 'application/json', headers = {}, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);
  };

/** A gateway in front of providers with these answers, in order. */
function served(t: TestContext, ...answers: Answer[]) {
  return servedWith(t, nodeEngine, ...answers);
}

async function servedWith(t: TestContext, engine: Engine, ...answers: Answer[]) {
  const upstreams = [];
  for (const answer of answers) upstreams.push(await startUpstream(t, answer));
  const gateway = gatewayForTest(
    t,
    upstreams.map(({ url }, priority) =>
      provider(`p${priority}`, { api_base: url, provider_params: { priority } }),
    ),
    ({ server }) => {
      server.keepalive_ms = 1_000;
    },
  );
  return { gateway, upstreams, origin: await serveGateway(t, gateway, engine) };
}

const encoders = {
  gzip: gzipSync,
  'X-Gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  'deflate, gzip': (body: string) => gzipSync(deflateSync(body)),
};

test('an answer that is encoded though nobody asked reaches the client as it is, with its usage', async (t) => {
  for (const [coding, encode] of [
    ...Object.entries(encoders),
    ['deflate', deflateRawSync],
    ['identity', (body: string) => body],
  ] as const) {
    for (const stream of [false, true]) {
      const type = stream ? 'text/event-stream' : 'application/json';
      const body = encode(stream ? streamed : whole);
      const answer = answering(body, type, { 'content-encoding': coding });
      const { gateway, origin, upstreams } = await served(t, answer);
      const { status, text, headers } = await chat(origin, { model: 'm', stream });
      assert.deepEqual([status, text], [200, stream ? visible : whole], coding);
      assert.ok(['identity', undefined].includes(headers['content-encoding']));
      const [record] = recordsOf(gateway);
      assert.deepEqual(record?.usage, { promptTokens: 7, completionTokens: 3 });
      const [{ headers: sent } = { headers: {} }] = upstreams[0]?.received ?? [];
      assert.equal(Reflect.get(sent, 'accept-encoding'), 'identity');
    }
  }
});

test('an encoded stream arrives event by event, and a bomb is decoded no faster than it is read', async (t) => {
  const first = gzipSync(content, { finishFlush: 2 });
  const { origin } = await served(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    response.write(first);
  });
  const answer = await fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    body: '{"model":"m","stream":true}',
  });
  const { value } = (await answer.body?.getReader().read()) ?? {};
  assert.equal(Buffer.from(value ?? []).toString(), content);

  const bomb = gzipSync(Buffer.alloc(300 * 1_048_576, ' '));
  const before = process.memoryUsage().arrayBuffers;
  const bombed = await served(
    t,
    answering(bomb, 'application/json', { 'content-encoding': 'gzip' }),
  );
  const read = await fetch(`${bombed.origin}/v1/chat/completions`, {
    method: 'POST',
    body: '{"model":"m"}',
  });
  const reader = read.body?.getReader();
  await reader?.read();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 1_048_576);
  await reader?.cancel();
});

test('an answer with a false or unknown encoding is moved to another provider', async (t) => {
  for (const [body, coding] of [
    [Buffer.from(whole), 'gzip'],
    [gzipSync(whole).subarray(0, 40), 'gzip'],
    [whole, 'snappy'],
    [whole, 'gzip, gzip, gzip, gzip'],
  ] as const) {
    const bad = answering(body, 'application/json', { 'content-encoding': coding });
    const { origin, gateway } = await served(t, bad, answerChat);
    const { status, headers } = await chat(origin);
    assert.deepEqual([status, headers['x-llmproxy-provider']], [200, 'p1'], coding);
    assert.equal(recordsOf(gateway)[0]?.attemptsLog?.[0]?.outcome, 'protocol');
  }
});

test('an error in an answer of 200 is judged by its code: a client’s is passed on', async (t) => {
  const error = '{"error":{"message":"too many tokens","code":400}}';
  for (const [body, type] of [
    [`data: ${error}\n\ndata: [DONE]\n\n`, 'text/event-stream'],
    [error, 'application/json'],
    [error, 'text/event-stream'],
  ] as const) {
    const { origin, gateway, upstreams } = await served(t, answering(body, type), answerChat);
    for (let i = 0; i < 6; i++) {
      const { status, text, headers } = await chat(origin, { model: 'm', stream: true });
      assert.deepEqual([status, text, headers['x-llmproxy-provider']], [400, error, 'p0']);
    }
    assert.equal(upstreams[1]?.received.length, 0);
    assert.equal(gateway.health.isEjected('p0'), false);
    assert.equal(recordsOf(gateway)[0]?.status, 400);
    assert.equal(recordsOf(gateway)[0]?.uncounted, null);
  }
});

test('any other error in an answer of 200 fails over, and is the answer if no provider is left', async (t) => {
  const errors: [body: string, status: number][] = [
    ['{"error":{"message":"overloaded","code":"503"}}', 503],
    ['{"error":{"message":"slow down","type":"rate_limit_error"}}', 429],
    ['{"error":"broken","choices":null}', 502],
    ['{"object":"error","message":"no","code":500}', 500],
    ['{"choices":null,"base_resp":{"status_code":1002,"status_msg":"rate"}}', 429],
    ['{"choices":[],"base_resp":{"status_code":1002,"status_msg":"rate"}}', 429],
    ['{"detail":"Not Found"}', 502],
    ['{"error_code":336003,"error_msg":"bad"}', 502],
    ['{"result":null,"success":false,"errors":[]}', 502],
    ['{"errors":[{"code":10000,"message":"no"}]}', 502],
    ['{"code":"InvalidApiKey","message":"no"}', 401],
    ['{"code":429,"msg":"slow down","data":null}', 429],
    [
      '{"id":"1","error":{"code":502,"message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}',
      502,
    ],
  ];
  for (const [error, expected] of errors) {
    for (const stream of [false, true]) {
      const bad = stream
        ? answering(`: comment\n\ndata: ${error}\n\n`, 'text/event-stream')
        : answering(error);
      const { origin, gateway } = await served(t, bad, answerChat);
      const { status, headers } = await chat(origin, { model: 'm', stream });
      assert.deepEqual([status, headers['x-llmproxy-provider']], [200, 'p1'], error);
      const [record] = recordsOf(gateway);
      assert.equal(record?.attemptsLog?.[0]?.status, expected, error);
      const alone = await served(t, bad);
      const answer = await chat(alone.origin, { model: 'm', stream });
      assert.deepEqual([answer.status, answer.text], [expected, error]);
      assert.equal(recordsOf(alone.gateway)[0]?.uncounted, null, 'nothing is billed');
    }
  }
});

/** Endpoints, and the beginning of an error in the shape of each. */
const judged: [path: string, shape: RegExp][] = [
  ['/v1/chat/completions', /^\{"error":\{"message":/],
  ['/v1/completions', /^\{"error":\{"message":/],
  ['/v1/embeddings', /^\{"error":\{"message":/],
  ['/v1/responses', /^\{"error":\{"message":/],
  ['/v1/responses/compact', /^\{"error":\{"message":/],
  ['/v1/moderations', /^\{"error":\{"message":/],
  ['/v1/images/generations', /^\{"error":\{"message":/],
  ['/v1/audio/speech', /^\{"error":\{"message":/],
  ['/v1/realtime/client_secrets', /^\{"error":\{"message":/],
  ['/v1/rerank', /^\{"message":/],
  ['/v1/messages', /^\{"type":"error","error":\{"type":"api_error"/],
  ['/v1/messages/count_tokens', /^\{"type":"error","error":\{"type":"api_error"/],
  ['/v1beta/models/m:generateContent', /^\{"error":\{"code":502/],
  ['/v1beta/models/m:countTokens', /^\{"error":\{"code":502/],
  ['/v1beta/models/m:embedContent', /^\{"error":\{"code":502/],
];
const kindOfPath = (path: string) =>
  path.startsWith('/v1/messages')
    ? 'anthropic'
    : path.startsWith('/v1beta')
      ? 'gemini'
      : ('openai' as const);

const operations: OpenaiOperation[] = [
  ...(['chat', 'completions', 'embeddings', 'responses', 'moderations'] as const),
  ...(['images', 'speech', 'rerank', 'realtime'] as const),
];
const nonsense = ['', ' \n', 'null', '[]', '1', '{"message":"Not Found"}', '{"id":"x', '<p>'];

test('a body of 200 that is no answer is the provider’s failure, at every endpoint', async (t) => {
  let said = '';
  let type = 'application/json';
  const bad: Answer = (request, response) => answering(said, type)(request, response);
  const { url } = await startUpstream(t, bad);
  for (const [path, shape] of judged) {
    const provider_type = kindOfPath(path);
    const provider_params = provider_type === 'openai' ? { operations } : {};
    const only = provider('p0', { provider_type, api_base: url, provider_params });
    const gateway = gatewayForTest(t, [only]);
    const origin = await serveGateway(t, gateway);
    const asked = async () => {
      const session = { model: 'm' };
      const answer = await fetch(origin + path, {
        method: 'POST',
        body: JSON.stringify({ ...(path.includes('/models/') ? {} : { model: 'm' }), session }),
      });
      return { status: answer.status, text: await answer.text() };
    };
    for (const each of nonsense) {
      said = each;
      type = each === '<p>' ? 'text/html' : 'application/json';
      const { status, text } = await asked();
      assert.equal(status, 502, `${path}: ${each}`);
      assert.match(text, shape, path);
      assert.match(text, /\bp0\b.* sent an invalid response/, path);
      const record = recordsOf(gateway).at(-1);
      assert.equal(record?.attemptsLog?.[0]?.outcome, 'protocol');
      assert.equal(record?.uncounted, null, 'nothing is billed');
    }
    assert.equal(gateway.health.isOut('p0', Date.now(), 'm'), true, path);
  }
});

test('after a body that is no answer the next provider is asked, for streams too', async (t) => {
  for (const stream of [false, true]) {
    for (const each of nonsense) {
      const { origin, gateway } = await served(t, answering(each), answerChat);
      const { status, headers } = await chat(origin, { model: 'm', stream });
      assert.deepEqual([status, headers['x-llmproxy-provider']], [200, 'p1'], each);
      assert.equal(recordsOf(gateway)[0]?.attemptsLog?.[0]?.outcome, 'protocol');
    }
  }
  for (const event of ['null', '[]', '{"message":"Not Found"}', '']) {
    const bad = answering(`: hi\n\ndata: ${event}\n\n`, 'text/event-stream');
    const { origin, gateway } = await served(t, bad, answering(visible, 'text/event-stream'));
    const { status, text, headers } = await chat(origin, { model: 'm', stream: true });
    assert.deepEqual([status, text, headers['x-llmproxy-provider']], [200, visible, 'p1'], event);
    assert.equal(recordsOf(gateway)[0]?.attemptsLog?.[0]?.outcome, 'reset');
  }
});

test('a list of a reranker is an answer', async (t) => {
  const list = '[{"index":0,"score":0.5}]';
  const { origin } = await served(t, answering(list));
  const ranked = await fetch(`${origin}/v1/rerank`, { method: 'POST', body: '{"model":"m"}' });
  assert.deepEqual([ranked.status, await ranked.text()], [200, list]);
});

test('a whole answer is relayed, whatever its texts and other members contain', async (t) => {
  for (const body of [
    '{"choices":[{"message":{"content":"\\"error\\":1"}}]}',
    '{"choices":[{"message":{"content":"a"}}],"error":null,"base_resp":{"status_code":0}}',
    '{"choices":[{"message":{"content":"a"}}],"error":{"code":500}}',
    '{"data":[{"embedding":[1]}],"base_resp":{"status_code":0,"status_msg":""}}',
    '{"choices":[{"message":{"content":"a"}}],"detail":"x","code":500,"message":"x"}',
    '{"code":200,"message":"fine","result":"a","errors":[],"success":true}',
    '{"code":"Success","msg":"fine","result":"a"}',
    '{"code":"a","result":"a"}',
  ]) {
    const { origin } = await served(t, answering(body));
    const { status, text } = await chat(origin);
    assert.deepEqual([status, text], [200, body]);
  }
});

test('an answer of success without any content fails over', async (t) => {
  const empty = ['', ' \r\n', 'null', '[]', ' [ ]\n'].map((body) => answering(body));
  const gzipped = answering(gzipSync(''), 'application/json', { 'content-encoding': 'gzip' });
  for (const bad of [...empty, gzipped, answering('', 'application/json', {}, 204)]) {
    const { origin, gateway } = await served(t, bad, answerChat);
    for (const stream of [false, true]) {
      const { status, headers } = await chat(origin, { model: 'm', stream });
      assert.deepEqual([status, headers['x-llmproxy-provider']], [200, 'p1']);
    }
    assert.equal(recordsOf(gateway)[0]?.attemptsLog?.[0]?.outcome, 'protocol');
    const alone = await served(t, bad);
    assert.equal((await chat(alone.origin)).status, 502);
  }
});

test('a stream is recognized by its beginning, whatever its content type', async (t) => {
  for (const type of ['text/plain', 'Text/Event-Stream; charset=utf-8', 'application/json', '']) {
    for (const before of [
      '',
      ': hello\n\n',
      '\n\n',
      '\ufeff',
      'event: x\n',
      'id: 1\n',
      'retry: 1\n',
    ]) {
      const { origin, gateway } = await served(t, (_request, response) => {
        response.writeHead(200, type === '' ? {} : { 'content-type': type });
        // Split so that the first pieces are inconclusive.
        for (const piece of [before.slice(0, 2), before.slice(2) + streamed.slice(0, 3)]) {
          if (piece !== '') response.write(piece);
        }
        setImmediate(() => response.end(streamed.slice(3)));
      });
      const { status, text } = await chat(origin, { model: 'm', stream: true });
      assert.deepEqual([status, text], [200, before + visible], JSON.stringify([type, before]));
      const [record] = recordsOf(gateway);
      assert.equal(record?.stream, true);
      assert.deepEqual(record?.usage, { promptTokens: 7, completionTokens: 3 });
    }
  }
  const json = await served(t, answering(whole, 'text/event-stream'));
  const { status, text } = await chat(json.origin, { model: 'm', stream: true });
  assert.deepEqual([status, text], [200, whole]);
  assert.equal(recordsOf(json.gateway)[0]?.stream, false);
});

test('no redirect reaches a client: it is an error that names the provider’s api_base', async (t) => {
  for (const status of [301, 302, 303, 307, 308, 300, 304]) {
    const away = answering('', 'text/plain', { location: 'https://elsewhere.example/' }, status);
    const { origin, gateway } = await served(t, away);
    const answer = await chat(origin);
    assert.equal(answer.status, 502);
    assert.equal(answer.headers.location, undefined);
    assert.match(JSON.parse(answer.text).error.message, /^The provider "p0" .*redirect.*api_base/);
    assert.ok(!answer.text.includes('elsewhere'));
    assert.equal(recordsOf(gateway)[0]?.attemptsLog?.[0]?.outcome, 'redirect');
    const spare = await served(t, away, answerChat);
    assert.equal((await chat(spare.origin)).status, 200);
  }
  const created = await served(t, answering(whole, 'application/json', { location: '/x' }, 201));
  const answer = await chat(created.origin);
  assert.deepEqual([answer.status, answer.headers.location], [201, undefined]);
});

test('five refusals of one client’s requests do not eject the provider', async (t) => {
  for (const status of [401, 402, 403]) {
    const body = '{"error":{"message":"moderated"}}';
    const { origin, gateway } = await served(t, answering(body, 'application/json', {}, status));
    for (let i = 0; i < 10; i++) assert.equal((await chat(origin)).status, status);
    assert.deepEqual(
      [gateway.health.isEjected('p0'), gateway.health.isOut('p0', 0, 'm')],
      [false, false],
    );
  }
});

test('a 429 of one model, and its failures, leave the other models to the provider', async (t) => {
  for (const [status, times] of [
    [429, 1],
    [500, 5],
  ] as const) {
    const { origin, upstreams } = await served(
      t,
      (request, response) => {
        if (!request.body.includes('"bad"')) return answerChat(request, response);
        response.writeHead(status, status === 429 ? { 'retry-after': '30' } : {}).end('{}');
      },
      answerChat,
    );
    const answeredBy = async (model: string) =>
      (await chat(origin, { model })).headers['x-llmproxy-provider'];
    for (let i = 0; i < times; i++) assert.equal(await answeredBy('bad'), 'p1');
    const asked = upstreams[0]?.received.length;
    assert.equal(await answeredBy('bad'), 'p1');
    assert.equal(upstreams[0]?.received.length, asked, 'that model waits');
    assert.equal(await answeredBy('good'), 'p0');
  }
});

test('an error in mid stream is passed on, and recorded as one', async (t) => {
  const error = 'data: {"error":{"message":"gone","code":502}}\n\n';
  for (const end of [error, `${error}data: [DONE]\n\n`]) {
    const { origin, gateway } = await served(t, answering(content + end, 'text/event-stream'));
    const { status, text } = await chat(origin, { model: 'm', stream: true });
    assert.deepEqual([status, text], [200, content + end]);
    const [record] = recordsOf(gateway);
    assert.deepEqual([record?.error, record?.complete], ['provider_error', false]);
  }
  const text = 'data: {"choices":[{"delta":{"content":"\\"error\\": {}"}}],"error":null}\n\n';
  const { origin, gateway } = await served(t, answering(text, 'text/event-stream'));
  await chat(origin, { model: 'm', stream: true });
  assert.deepEqual([recordsOf(gateway)[0]?.error, recordsOf(gateway)[0]?.complete], [null, true]);
});

test('a provider that refuses to be asked for usage is asked again without, and never again with', async (t) => {
  for (const status of [400, 422]) {
    const { origin, gateway, upstreams } = await served(t, (request, response) => {
      if (!request.body.includes('stream_options')) {
        return answering(visible, 'text/event-stream')(request, response);
      }
      const detail = '{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs"}]}';
      answering(detail, 'application/json', {}, status)(request, response);
    });
    for (const requests of [2, 3]) {
      const answer = await chat(origin, { model: 'm', stream: true });
      assert.deepEqual([answer.status, answer.text], [200, visible]);
      assert.equal(upstreams[0]?.received.length, requests);
    }
    assert.ok(gateway.health.isSound('p0'));
    // Errors about the request's content are relayed to the client.
    const own = { model: 'm', stream: true, stream_options: { include_obfuscation: true } };
    assert.equal((await chat(origin, own)).status, status);
    assert.equal(upstreams[0]?.received.length, 4);
  }
});

test('a stream that is refused for another reason is not asked for again', async (t) => {
  const refused = answering('{"detail":"stream_options"}', 'application/json', {}, 422);
  const { origin, gateway, upstreams } = await served(t, refused);
  for (const requests of [2, 4]) {
    assert.equal((await chat(origin, { model: 'm', stream: true })).status, 422);
    assert.equal(upstreams[0]?.received.length, requests, 'nothing was learned from it');
  }
  assert.equal(gateway.usageRefusers.size, 0);
});

const after =
  (ms: number, answer: Answer): Answer =>
  (request, response) => {
    const timer = setTimeout(() => answer(request, response), ms);
    response.on('close', () => clearTimeout(timer));
  };
const ask = { model: 'm', stream: true };

for (const engine of [nodeEngine, netEngine]) {
  test(`a client that waits for a stream has a head and comments, and still another provider, on ${engine.name}`, async (t) => {
    const slow = after(2_500, answering('{}', 'application/json', {}, 500));
    const { origin, gateway } = await servedWith(
      t,
      engine,
      slow,
      answering(streamed, 'text/event-stream'),
    );
    const { status, text, headers, whole } = await chat(origin, ask);
    assert.deepEqual([status, whole, headers['content-type']], [200, true, 'text/event-stream']);
    assert.match(text, /^(: keepalive\n\n)+data: /);
    assert.equal(text.replaceAll(': keepalive\n\n', ''), visible);
    const [record] = recordsOf(gateway);
    assert.deepEqual([record?.status, record?.provider, record?.complete], [200, 'p1', true]);
    assert.deepEqual(record?.usage, { promptTokens: 7, completionTokens: 3 });
  });

  test(`an error after that head is an event, and recorded as it is, on ${engine.name}`, async (t) => {
    const own = '{\n "error": {"message":"all busy","type":"x"}\n}';
    const refused = await servedWith(
      t,
      engine,
      after(2_500, answering(own, 'application/json', {}, 503)),
    );
    const broken = await servedWith(
      t,
      engine,
      after(2_500, (_request, response) => response.destroy()),
    );
    const answers = await Promise.all([chat(refused.origin, ask), chat(broken.origin, ask)]);
    for (const { status, text, whole } of answers) {
      assert.deepEqual([status, whole], [200, true]);
      assert.match(text, /^(: keepalive\n\n)+data: \{"error":\{[^\n]+\n\n$/);
    }
    assert.match(answers[0]?.text ?? '', /"message":"all busy","type":"x"/);
    assert.match(answers[1]?.text ?? '', /closed the connection/);
    const [first] = recordsOf(refused.gateway);
    assert.deepEqual([first?.status, first?.error], [503, 'provider_error']);
    const [second] = recordsOf(broken.gateway);
    assert.deepEqual([second?.status, second?.error], [502, 'upstream_failed']);
  });

  test(`a provider’s comments, and white space before JSON, reach the client, on ${engine.name}`, async (t) => {
    const beating =
      (type: string, beat: string, end: string): Answer =>
      (_request, response) => {
        response.writeHead(200, { 'content-type': type });
        const timer = setInterval(() => response.write(beat), 300);
        setTimeout(() => response.end(end), 3_500);
        response.on('close', () => clearInterval(timer));
      };
    const comments = beating('text/event-stream', ': working\n\n', visible);
    const stream = await servedWith(t, engine, comments);
    const spaces = await servedWith(t, engine, beating('application/json', '\n', whole));
    const firstByteMs = async (origin: string, body: object) => {
      const startMs = performance.now();
      const answer = await fetch(`${origin}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      const reader = answer.body?.getReader();
      await reader?.read();
      const tookMs = performance.now() - startMs;
      let text = '';
      for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
        text += Buffer.from(part.value).toString();
      }
      return { tookMs, text };
    };
    const blank = await servedWith(t, engine, beating('application/json', '\n', ''));
    const [a, b] = await Promise.all([
      firstByteMs(stream.origin, ask),
      firstByteMs(spaces.origin, { model: 'm' }),
      assert.rejects(firstByteMs(blank.origin, { model: 'm' }), 'white space alone is no answer'),
    ]);
    assert.ok(a.tookMs < 3_400 && b.tookMs < 3_400, `${a.tookMs}, ${b.tookMs}`);
    assert.ok(a.text.includes(': working\n\n') && a.text.endsWith(visible));
    assert.ok(b.text.endsWith(whole));
  });
}

test('the path of models with nothing after it is the list', async (t) => {
  const { origin } = await served(t, answerChat);
  for (const path of ['/v1/models', '/v1/models/', '/models/']) {
    const answer = await fetch(origin + path);
    assert.deepEqual(
      [answer.status, ((await answer.json()) as { object: string }).object],
      [200, 'list'],
      path,
    );
  }
});
