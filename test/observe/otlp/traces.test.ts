import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveSettings, type Settings } from '../../../src/config/settings/settings.js';
import { targetAt } from '../../../src/daemon/start/telemetry.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { client as clientCertificate, loopback } from '../../server/certificates.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';
import { type ReceivedSpan, startOtlpReceiver } from '../../support/otlp-receiver.js';
import { testDirectory } from '../../support/postgres.js';
import { connectSocket } from '../../support/socket-client.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';
const sampled = { traceparent: `00-${traceId}-${parent}-01`, tracestate: 'vendor=1,other=2' };

/** The spans of a request of one attempt. */
function pair(spans: readonly ReceivedSpan[]): { own: ReceivedSpan; attempt: ReceivedSpan } {
  const [own, attempt, ...more] = spans;
  assert.ok(own && attempt);
  assert.deepEqual(more, []);
  return { own, attempt };
}

test('each request is a trace: its span, and one for each wait and attempt', async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { mock } = await mockForTest(t);
  const failing = await startUpstream(t, (_request, response) => response.writeHead(500).end('{}'));
  const cut = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
    setTimeout(() => response.destroy(), 100);
  });
  const slow = await startUpstream(t, (request, response) =>
    setTimeout(() => answerChat(request, response), 150),
  );
  const daemon = await startDaemon(t, {
    settings: {
      traces: {
        endpoint: receiver.url,
        headers: { authorization: 'env:OTLP_TOKEN', 'x-plain': 'shown to the receiver only' },
        resource: { 'deployment.environment.name': 'test' },
      },
      log: { requests: true },
    },
    env: { OTLP_TOKEN: 'Bearer otlp-secret-1' },
  });
  daemon.secrets.add('otlp-secret-1');
  const providers = [
    ['mock', mock.url, { m: 'mapped', claude: 'claude', rt: 'rt', both: 'spare' }, { priority: 1 }],
    ['failing', failing.url, { both: 'first' }, {}],
    ['cut', cut.url, { cut: 'cut' }, {}],
    ['slow', slow.url, { slow: 'slow' }, { max_concurrency: 1 }],
    ['gone', `http://127.0.0.1:${await freePort()}/v1`, { gone: 'gone' }, {}],
  ] as const;
  for (const [name, api_base, model_mapping, provider_params] of providers) {
    await daemon.addProvider(name, { api_base, model_mapping, provider_params });
  }
  const key = await daemon.addKey('app');
  const caching = await daemon.addKey('caching');
  await daemon.sql`UPDATE credentials SET cache = '{"mode": "on"}' WHERE name = 'caching'`;
  await daemon.reload();
  const headers = { ...bearer(key), ...sampled };
  const chat = (model: string, more: object = {}, own: Record<string, string> = headers) =>
    ask(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: own,
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: 'secret words' }],
        ...more,
      }),
    });
  const idOf = ({ headers }: { headers: NodeJS.Dict<string | string[]> }) =>
    String(headers['x-request-id']);

  await t.test('a whole answer', async () => {
    const answer = await chat('m');
    assert.equal(answer.status, 200);
    const { own, attempt } = pair(await receiver.of(idOf(answer)));
    for (const span of [own, attempt]) {
      assert.equal(span.traceId, traceId);
      assert.equal(span.traceState, sampled.tracestate);
      assert.equal(span.error, null);
      assert.deepEqual(span.links, []);
      const { resource, scope } = span;
      assert.equal(resource['service.name'], 'llmproxy');
      assert.equal(resource['deployment.environment.name'], 'test');
      assert.equal(scope.name, 'llmproxy');
      assert.equal(scope.version, resource['service.version']);
      assert.equal(scope.schemaUrl, 'https://opentelemetry.io/schemas/1.41.0');
    }
    assert.equal(own.parentSpanId, parent);
    assert.equal(own.kind, 'SPAN_KIND_SERVER');
    assert.equal(own.name, 'POST /v1/chat/completions');
    assert.deepEqual(own.attributes, {
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
      'url.path': '/v1/chat/completions',
      'url.scheme': 'http',
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
      'llmproxy.request_id': idOf(answer),
      'llmproxy.key': 'app',
      'llmproxy.attempts': 1,
    });
    assert.equal(attempt.parentSpanId, own.spanId);
    assert.equal(attempt.kind, 'SPAN_KIND_CLIENT');
    assert.equal(attempt.name, 'chat mapped');
    const { usage } = JSON.parse(answer.text) as { usage: Record<string, number> };
    assert.deepEqual(attempt.attributes, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'mapped',
      'gen_ai.usage.input_tokens': usage.prompt_tokens,
      'gen_ai.usage.output_tokens': usage.completion_tokens,
      'http.response.status_code': 200,
      'llmproxy.provider': 'mock',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(mock.url).port),
    });
    assert.ok(own.startNs <= attempt.startNs && attempt.startNs <= attempt.endNs);
    assert.ok(attempt.endNs <= own.endNs);
    const age = Date.now() - Number(own.startNs / 1_000_000n);
    assert.ok(age >= 0 && age < 60_000, `${age} ms old`);
    const line = await daemon.waitFor(
      'request_finished',
      (each) => each.requestId === idOf(answer),
    );
    assert.equal(line.trace_id, traceId);
    assert.equal(line.span_id, own.spanId);
    const explained = await daemon.cli(['explain', idOf(answer), '--json']);
    assert.equal(JSON.parse(explained.stdout).trace_id, traceId);
  });

  await t.test('a stream', async () => {
    const answer = await chat('m', { stream: true });
    const { own, attempt } = pair(await receiver.of(idOf(answer)));
    assert.equal(attempt.attributes['gen_ai.request.stream'], true);
    const first = Number(attempt.attributes['gen_ai.response.time_to_first_chunk']);
    const took = Number(attempt.endNs - attempt.startNs) / 1e9;
    assert.ok(first > 0 && first <= took, `${first} of ${took} s`);
    assert.ok(Number(attempt.attributes['gen_ai.usage.output_tokens']) > 0);
    assert.equal(own.error, null);
  });

  await t.test('a trace of its own where the client has none', async () => {
    const [one, two] = [await chat('slow', {}, bearer(key)), await chat('slow', {}, bearer(key))];
    const ids = [idOf(one), idOf(two)];
    for (const id of ids) {
      const { own, attempt } = pair(await receiver.of(id));
      assert.equal(own.traceId, id.replaceAll('-', ''), 'the digits of the request id');
      assert.equal(own.parentSpanId, '');
      assert.equal(own.traceState, '');
      assert.equal(attempt.traceId, own.traceId);
      assert.equal(attempt.parentSpanId, own.spanId);
      const sent = slow.received.find(({ headers }) => headers['x-request-id'] === id);
      assert.equal(sent?.headers.traceparent, `00-${own.traceId}-${attempt.spanId}-01`);
      const line = await daemon.waitFor('request_finished', (each) => each.requestId === id);
      assert.deepEqual([line.trace_id, line.span_id], [own.traceId, own.spanId]);
      const explained = await daemon.cli(['explain', id, '--json']);
      assert.equal(JSON.parse(explained.stdout).trace_id, own.traceId);
    }
    const named = await chat('m', {}, { ...bearer(key), 'x-request-id': 'named by its client' });
    assert.equal(idOf(named).length, 36, 'an id with spaces is not taken over');
    const taken = await chat('m', {}, { ...bearer(key), 'x-request-id': 'named-by-its-client' });
    assert.equal(idOf(taken), 'named-by-its-client');
    const { own } = pair(await receiver.of(idOf(taken)));
    assert.match(own.traceId, /^[0-9a-f]{32}$/);
  });

  await t.test('a provider that fails, and another that answers', async () => {
    const answer = await chat('both');
    assert.equal(answer.status, 200);
    const [own, first, second, ...more] = await receiver.of(idOf(answer));
    assert.deepEqual(more, []);
    assert.ok(own && first && second);
    assert.equal(own.error, null);
    assert.equal(own.attributes['llmproxy.attempts'], 2);
    assert.equal(first.name, 'chat first');
    assert.equal(first.attributes['llmproxy.provider'], 'failing');
    assert.equal(first.attributes['http.response.status_code'], 500);
    assert.equal(first.attributes['error.type'], '500');
    assert.equal(first.attributes['http.request.resend_count'], undefined);
    assert.equal(first.error, 'it answered 500');
    assert.equal(second.name, 'chat spare');
    assert.equal(second.error, null);
    assert.equal(second.attributes['http.request.resend_count'], 1);
    assert.ok(Number(second.attributes['gen_ai.usage.input_tokens']) > 0);
    assert.equal(first.attributes['gen_ai.usage.input_tokens'], undefined);
    assert.deepEqual(second.links, [first.spanId]);
    for (const attempt of [first, second]) assert.equal(attempt.parentSpanId, own.spanId);
    const [received] = failing.received.slice(-1);
    assert.equal(received?.headers.traceparent, `00-${traceId}-${first.spanId}-01`);
    assert.equal(received?.headers.tracestate, sampled.tracestate);
  });

  await t.test('a provider that cannot be reached', async () => {
    const answer = await chat('gone');
    assert.equal(answer.status, 502);
    const { own, attempt } = pair(await receiver.of(idOf(answer)));
    assert.equal(own.attributes['error.type'], 'upstream_failed');
    assert.equal(own.attributes['llmproxy.error'], 'upstream_failed');
    assert.equal(own.error, 'upstream_failed');
    assert.equal(attempt.attributes['error.type'], 'connect');
    assert.match(String(attempt.error), /ECONNREFUSED/);
    assert.equal(attempt.attributes['http.response.status_code'], undefined);
  });

  await t.test('an answer that is cut off', async () => {
    const answer = await chat('cut', { stream: true }).catch(() => null);
    const id = answer ? idOf(answer) : null;
    const own = await until('its span', () =>
      receiver.spans.find(
        ({ attributes }) =>
          attributes['gen_ai.request.model'] === 'cut' && 'llmproxy.request_id' in attributes,
      ),
    );
    assert.ok(id === null || own.attributes['llmproxy.request_id'] === id);
    assert.equal(own.attributes['http.response.status_code'], 200);
    assert.ok(own.error !== null);
    assert.equal(own.attributes['error.type'], own.error);
    const [, attempt] = await receiver.of(String(own.attributes['llmproxy.request_id']));
    assert.equal(attempt?.error, own.error);
    assert.equal(attempt?.attributes['error.type'], own.error);
  });

  await t.test('a wait for a slot', async () => {
    const answers = await Promise.all([chat('slow'), chat('slow')]);
    const all = await Promise.all(answers.map((each) => receiver.of(idOf(each))));
    const [waited] = all.filter((spans) => spans.length === 3);
    const [own, queue, attempt] = waited ?? [];
    assert.equal(queue?.name, 'queue');
    assert.equal(queue?.kind, 'SPAN_KIND_INTERNAL');
    assert.equal(queue?.parentSpanId, own?.spanId);
    assert.deepEqual(queue?.attributes, { 'llmproxy.queue': 'slow' });
    assert.ok(queue && attempt && queue.endNs <= attempt.startNs);
    assert.ok(queue.endNs - queue.startNs > 50_000_000n);
  });

  await t.test('a request in another dialect', async () => {
    const answer = await ask(`${daemon.url}/v1/messages`, {
      method: 'POST',
      headers,
      body: '{"model":"slow","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
    });
    assert.equal(answer.status, 200, answer.text);
    const { own, attempt } = pair(await receiver.of(idOf(answer)));
    assert.equal(own.name, 'POST /v1/messages');
    assert.equal(attempt.attributes['llmproxy.translated_to'], 'openai.chat');
    const [received] = slow.received.slice(-1);
    assert.equal(received?.headers.traceparent, `00-${traceId}-${attempt.spanId}-01`);
    assert.equal(received?.headers.tracestate, sampled.tracestate);
  });

  await t.test('a session by WebSocket', async () => {
    const socket = await connectSocket(t, `${daemon.url}/v1/realtime?model=rt`, {
      headers: { authorization: `Bearer ${key}`, ...sampled, 'x-request-id': 'session-1' },
    });
    await socket.close();
    const { own, attempt } = pair(await receiver.of('session-1'));
    assert.equal(own.name, 'GET /v1/realtime');
    assert.equal(own.attributes['http.response.status_code'], 101);
    assert.equal(attempt.name, 'realtime rt');
    assert.equal(own.error, null);
    assert.equal(attempt.parentSpanId, own.spanId);
  });

  await t.test('a cached answer, which no provider was asked for', async () => {
    const ask = () => chat('m', { seed: 1 }, { ...bearer(caching), ...sampled });
    const [miss, hit] = [await ask(), await ask()];
    const asked = pair(await receiver.of(idOf(miss)));
    assert.equal(asked.own.attributes['llmproxy.cache'], 'miss');
    const [answered, ...attempts] = await receiver.of(idOf(hit));
    assert.deepEqual(attempts, []);
    assert.equal(answered?.attributes['llmproxy.cache'], 'hit');
  });

  await t.test('refused requests', async () => {
    const [unknown, wrong] = [await chat('nobody-has-it'), await chat('m', {}, bearer('sk-wrong'))];
    const [own, ...attempts] = await receiver.of(idOf(unknown));
    assert.deepEqual(attempts, []);
    assert.equal(own?.attributes['http.response.status_code'], 404);
    assert.equal(own?.attributes['llmproxy.error'], 'model_not_found');
    assert.equal(own?.error, null, 'what a client does wrong is no failure of the server');
    assert.equal(own?.attributes['error.type'], undefined);
    const [refused] = await receiver.of(idOf(wrong));
    assert.equal(refused?.attributes['http.response.status_code'], 401);
    assert.equal(refused?.attributes['llmproxy.key'], undefined);
  });

  await t.test('but not the gateway’s own pages', async () => {
    for (const path of ['/health', '/metrics', '/docs', '/admin/v1/providers', '/nowhere']) {
      await ask(daemon.url + path, { headers: bearer(daemon.adminKey) });
    }
    await receiver.of(idOf(await chat('m')));
    const routes = new Set(
      receiver.spans.flatMap(({ attributes }) => attributes['http.route'] ?? []),
    );
    assert.deepEqual([...routes].sort(), ['/v1/chat/completions', '/v1/messages', '/v1/realtime']);
  });

  await t.test('with nothing secret in it, and no words', async () => {
    for (const secret of [...daemon.secrets, 'secret words']) {
      assert.ok(!receiver.text().includes(secret), `${secret} was exported`);
    }
    for (const { authorization, 'x-plain': plain } of receiver.headers) {
      assert.equal(authorization, 'Bearer otlp-secret-1');
      assert.equal(plain, 'shown to the receiver only');
    }
    const shown = await daemon.cli(['config', 'show', '--json', '--origin']);
    assert.equal(shown.code, 0, shown.stderr);
    assert.ok(!shown.stdout.includes('shown to the receiver only'));
    const metrics = await ask(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) });
    assert.match(metrics.text, /^llm_proxy_otlp_exported_total\{signal="traces"\} [1-9]\d+$/m);
    assert.match(metrics.text, /^llm_proxy_otlp_dropped_total\{signal="traces"\} 0$/m);
    const doctor = await daemon.cli(['doctor', '--json']);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { check: string; state: string }[] };
    assert.equal(checks.find(({ check }) => check === 'OTLP traces')?.state, 'ok');
  });

  await t.test('and the last ones at the stop', async () => {
    const answer = await chat('m');
    assert.equal(await daemon.stop(), 0);
    assert.ok(
      receiver.spans.some(({ attributes }) => attributes['llmproxy.request_id'] === idOf(answer)),
    );
  });
});

test('without sampling only failed or slow requests are exported', async (t) => {
  const receiver = await startOtlpReceiver(t);
  const failing = await startUpstream(t, (_request, response) => response.writeHead(500).end('{}'));
  const good = await startUpstream(t, answerChat);
  const slow = await startUpstream(t, (request, response) =>
    setTimeout(() => answerChat(request, response), 400),
  );
  const daemon = await startDaemon(t, {
    settings: { traces: { sample_ratio: 0, slow_ms: 300 } },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SERVICE_NAME: 'mine' },
  });
  await daemon.addProvider('good', { api_base: good.url, model_mapping: { good: 'g' } });
  await daemon.addProvider('slow', { api_base: slow.url, model_mapping: { slow: 's' } });
  await daemon.addProvider('failing', { api_base: failing.url, model_mapping: { failing: 'f' } });
  const key = await daemon.addKey('app');
  await daemon.reload();
  for (let i = 0; i < 20; i++) await askChat(daemon.url, key, 'good');
  await askChat(daemon.url, 'sk-wrong', 'good');
  const asked = { ...bearer(key), ...sampled };
  const body = '{"model":"good","messages":[]}';
  await ask(`${daemon.url}/v1/chat/completions`, { method: 'POST', headers: asked, body });
  const refused = { ...asked, traceparent: `00-${traceId}-${parent}-00` };
  await ask(`${daemon.url}/v1/chat/completions`, { method: 'POST', headers: refused, body });
  await askChat(daemon.url, key, 'slow');
  await askChat(daemon.url, key, 'failing');
  await askChat(daemon.url, key, 'unknown');
  await daemon.stop();
  const models = receiver.spans
    .filter(({ kind }) => kind === 'SPAN_KIND_SERVER')
    .map(({ attributes }) => attributes['gen_ai.request.model']);
  assert.deepEqual(models.sort(), ['failing', 'good', 'slow', 'unknown']);
  assert.equal(receiver.spans[0]?.resource['service.name'], 'mine');
  const flags = good.received.map(({ headers }) => String(headers.traceparent).slice(-2));
  assert.deepEqual(flags, [...Array.from({ length: 20 }, () => '00'), '01', '00']);
});

test('while the collector is away requests are served, and spans wait within a bound', async (t) => {
  const port = await freePort();
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: { traces: { endpoint: `http://127.0.0.1:${port}`, max_queue: 5 } },
  });
  await daemon.addProvider('p', { api_base: upstream.url });
  const key = await daemon.addKey('app');
  await daemon.reload();
  for (let i = 0; i < 12; i++) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  const counter = async (name: string) => {
    const { text } = await ask(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) });
    const found = new RegExp(`^${name}\\{signal="traces"\\} (\\d+)$`, 'm').exec(text);
    return Number(found?.[1]);
  };
  await until('the drops', async () => (await counter('llm_proxy_otlp_dropped_total')) === 7);
  assert.equal(await counter('llm_proxy_otlp_queued'), 5);
  const line = await daemon.waitFor('otlp_failing');
  assert.match(String(line.reason), /ECONNREFUSED/);
  const doctor = await daemon.cli(['doctor', '--json']);
  assert.match(doctor.stdout, /OTLP traces[^}]*ECONNREFUSED/);

  const receiver = await startOtlpReceiver(t, { port });
  await daemon.waitFor('otlp_working');
  await until('the exports', async () => (await counter('llm_proxy_otlp_exported_total')) === 5);
  assert.equal(await counter('llm_proxy_otlp_queued'), 0);
  assert.equal(receiver.spans.length, 10);
});

test('a receiver with a certificate of its own gets exports, compressed, with ours', async (t) => {
  const receiver = await startOtlpReceiver(t, {
    tls: { ...loopback, ca: clientCertificate.cert, requestCert: true, rejectUnauthorized: true },
  });
  const folder = testDirectory();
  const files = { ca: loopback.cert, cert: clientCertificate.cert, key: clientCertificate.key };
  const tls = Object.fromEntries(
    Object.entries(files).map(([name, text]) => {
      const file = join(folder, `${name}.pem`);
      writeFileSync(file, text);
      return [name, file];
    }),
  );
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: {
      traces: { endpoint: `${receiver.url}/v1/traces`, tls, compression: 'gzip' },
      metrics: { otlp: receiver.url, otlp_interval_ms: 300 },
      log: { otlp: receiver.url, requests: true },
    },
  });
  await daemon.addProvider('p', { api_base: upstream.url });
  const key = await daemon.addKey('app');
  await daemon.reload();
  const answer = await askChat(daemon.url, key, 'm');
  const [own] = await receiver.of(String(answer.headers['x-request-id']));
  assert.ok(receiver.headers.every((each) => each['content-encoding'] === 'gzip'));

  const requests = await until('the metrics', () =>
    receiver.metrics.find(
      ({ name, points }) =>
        name === 'llm_proxy_requests_total' &&
        points.some(({ attributes }) => attributes.endpoint === '/v1/chat/completions'),
    ),
  );
  assert.equal(requests.kind, 'sum');
  const duration = receiver.metrics.find(
    ({ name }) => name === 'llm_proxy_request_duration_seconds',
  );
  assert.equal(duration?.kind, 'histogram');
  const workers = receiver.metrics.find(({ name }) => name === 'llm_proxy_workers');
  assert.equal(workers?.kind, 'gauge');
  assert.equal(workers?.points[0]?.value, 1);

  const log = await until('the log', () =>
    receiver.logs.find(
      ({ eventName, traceId }) => eventName === 'request_finished' && traceId !== '',
    ),
  );
  assert.equal(log.traceId, own?.traceId);
  assert.equal(log.spanId, own?.spanId);
  assert.equal(log.severity, 'info');
  assert.match(log.body, /^POST \/v1\/chat\/completions 200 /);
  assert.equal(log.attributes.requestId, answer.headers['x-request-id']);
  for (const secret of daemon.secrets) assert.ok(!receiver.text().includes(secret));
});

test('prompts and answers are exported only where the key and the setting say so', async (t) => {
  const receiver = await startOtlpReceiver(t);
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: { traces: { endpoint: receiver.url, text: true } },
  });
  await daemon.addProvider('p', { api_base: upstream.url });
  const [plain, stored] = [
    await daemon.addKey('plain'),
    await daemon.addKey('stored', { store_bodies: true }),
  ];
  await daemon.reload();
  const content = `long words ${'x'.repeat(40_000)}`;
  const messages = [{ role: 'user', content }];
  const answers = [
    await askChat(daemon.url, plain, 'm', { messages }),
    await askChat(daemon.url, stored, 'm', { messages }),
  ];
  const [without, having] = await Promise.all(
    answers.map(async ({ headers }) => (await receiver.of(String(headers['x-request-id'])))[0]),
  );
  assert.equal(without?.attributes['llmproxy.request.body'], undefined);
  const request = String(having?.attributes['llmproxy.request.body']);
  assert.match(request, /"content":"long words x+…$/);
  assert.equal(request.length, 16_385);
  assert.match(String(having?.attributes['llmproxy.response.body']), /"content":"ok"/);
});

test('a daemon whose exports refer to what is not there does not start', async (t) => {
  const traces = { endpoint: 'http://127.0.0.1:9', headers: { a: 'env:NOT_THERE' } };
  const daemon = await startDaemon(t, { settings: { traces } }).catch((error: Error) => error);
  assert.ok(daemon instanceof Error);
  assert.match(daemon.message, /traces\.headers\.a refers to env:NOT_THERE, which is not set/);
});

test('headers and certificates of exports are read where the settings refer to', async () => {
  const folder = testDirectory();
  const [token, empty] = [join(folder, 'token'), join(folder, 'empty')];
  writeFileSync(token, 'Bearer abc\n');
  writeFileSync(empty, '\n');
  const { settings } = resolveSettings({}, folder);
  const at = (traces: Partial<Settings['traces']>, url = 'http://h:1/base/') =>
    targetAt(url, 'traces', { ...settings, traces: { ...settings.traces, ...traces } });
  const target = await at({ headers: { authorization: `file:${token}`, plain: 'a b' } });
  assert.deepEqual(await target.headers(), { authorization: 'Bearer abc', plain: 'a b' });
  assert.equal(target.url, 'http://h:1/base/v1/traces');
  assert.equal((await at({}, 'http://h:1/v1/traces')).url, 'http://h:1/v1/traces');
  assert.deepEqual(await target.tls(), {});
  writeFileSync(token, 'Bearer def');
  assert.deepEqual((await target.headers()).authorization, 'Bearer def', 'a new token counts');
  await assert.rejects(at({ headers: { a: `file:${empty}` } }), /traces\.headers\.a .*empty/);
  const none = { cert: null, key: null };
  await assert.rejects(
    at({ tls: { ca: '/not/there', ...none } }),
    /traces\.tls\.ca .*\/not\/there/,
  );
  assert.deepEqual(await (await at({ tls: { ca: token, ...none } })).tls(), { ca: 'Bearer def' });
});
