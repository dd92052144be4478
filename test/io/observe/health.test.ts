import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { connect } from '../../../src/db/client.js';
import { startEmbedded } from '../../../src/db/embedded.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { startGateway, whoAnswers } from '../../support/gateway.js';
import { openAi } from '../../support/openai.js';
import { testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { answerChat, chatCompletion, startUpstream } from '../../support/upstream.js';

const forwarded = { 'x-forwarded-for': '192.0.2.1' };

async function health({ url }: Daemon, headers: Record<string, string> = {}) {
  const { status, text } = await ask(`${url}/health`, { headers });
  return { status, body: JSON.parse(text) };
}

async function healthOf(daemon: Daemon, provider: string): Promise<boolean> {
  const { body } = await health(daemon);
  return body.providers.find((one: { provider_key: string }) => one.provider_key === provider)
    .healthy;
}

for (const { engine, skip } of engines) {
  test(`/health shows details only to permitted callers on ${engine}`, { skip }, async (t) => {
    const { daemon } = await startGateway(
      t,
      { a: { weight: 3 }, b: { weight: 1 }, off: { is_enabled: false } },
      { engine },
    );

    await t.test(
      'everything to this machine and the admin key, only the status to others',
      async () => {
        const { status, body } = await health(daemon);
        assert.equal(status, 200);
        assert.equal(body.status, 'ok');
        assert.match(body.version, /^\d+\.\d+\.\d+/);
        assert.ok(Number.isInteger(body.uptime_seconds));
        assert.equal(body.database, 'up');
        assert.deepEqual(body.providers, [
          { provider_key: 'a', weight: 3, share: 0.75, state: 'available', healthy: true },
          { provider_key: 'b', weight: 1, share: 0.25, state: 'available', healthy: true },
        ]);
        const version = await ask(`${daemon.url}/admin/v1/config/version`, {
          headers: bearer(daemon.adminKey),
        });
        assert.equal(body.config_version, JSON.parse(version.text).version);

        assert.deepEqual((await health(daemon, forwarded)).body, { status: 'ok' });
        const { body: told } = await health(daemon, { ...forwarded, ...bearer(daemon.adminKey) });
        assert.deepEqual(told.providers, body.providers);
      },
    );

    await t.test('and to the admin key also after many wrong ones, which are logged', async () => {
      for (let i = 0; i < 20; i++) {
        const headers = { ...forwarded, ...bearer(`wrong-${i}`) };
        assert.deepEqual((await health(daemon, headers)).body, { status: 'ok' });
      }
      const headers = { ...forwarded, ...bearer(daemon.adminKey) };
      assert.ok((await health(daemon, headers)).body.version);
      await daemon.waitFor('wrong_key', ({ kind }) => kind === 'admin');
      const told = daemon.logs.filter(({ event }) => event === 'wrong_key');
      assert.ok(told.length <= 2, 'the first and the tenth');
    });

    await t.test('but not to a browser that was led here by another name', async () => {
      assert.deepEqual((await health(daemon, { host: 'evil.example' })).body, { status: 'ok' });
      for (const path of ['/health/detailed', '/metrics', '/admin/v1/status', '/docs']) {
        const headers = { host: 'evil.example', ...bearer(daemon.adminKey) };
        const answered = await ask(daemon.url + path, { headers });
        assert.equal(answered.status, 403, path);
        assert.equal(JSON.parse(answered.text).error.code, 'permission_denied');
      }
      const headers = { host: 'localhost:1' };
      assert.ok((await health(daemon, headers)).body.version);
    });
  });

  test(`/health is 503 while the gateway drains on ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, { engine });
    let finish = () => {};
    const { url, received } = await startUpstream(t, (seen, response) => {
      finish = () => answerChat(seen, response);
    });
    await daemon.addProvider('slow', { api_base: url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    assert.deepEqual(await askOn(agent, daemon), [200, 'ok']);
    const chat = askChat(daemon.url, key, 'm');
    await until('the request at the provider', () => received.length === 1);
    daemon.kill('SIGTERM');
    await daemon.waitFor('stopping');
    assert.deepEqual(
      await until('draining', async () => {
        const answered = await askOn(agent, daemon);
        return answered[0] === 503 && answered;
      }),
      [503, 'draining'],
    );
    finish();
    assert.equal((await chat).status, 200);
    assert.equal((await daemon.exited).code, 0);
  });
}

function askOn(agent: Agent, { url }: Daemon): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/health`, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, JSON.parse(text).status]));
    });
    sent.on('error', reject).end();
  });
}

test('/health lists a thousand providers at most, those with a problem first', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.sql`
    INSERT INTO providers (provider_key, provider_type, api_base, api_key, model_mapping)
    SELECT 'p' || n, 'openai', 'http://127.0.0.1:9/v1', 'sk-of-nobody', '{"m": "m"}'
    FROM generate_series(1, 1100) n`;
  await daemon.addProvider('dead', {
    api_base: 'http://127.0.0.1:9/v1',
    model_mapping: { only: 'only' },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  for (let failed = 0; failed < 6; failed++) await askChat(daemon.url, key, 'only');
  const { providers } = (await health(daemon)).body;
  assert.equal(providers.length, 1_000);
  assert.deepEqual([providers[0].provider_key, providers[0].healthy], ['dead', false]);
  assert.equal(providers[1].share, 1 / 1_101, 'of all');
});

test('/health shows that the database is down and up again', async (t) => {
  const dataDir = testDirectory();
  let postgres = await startEmbedded({ dataDir, owner: 'daemon' });
  t.after(() => postgres.stop());
  const sql = connect(postgres.dbUrl, { max: 1 });
  t.after(() => sql.end({ timeout: 1 }));
  const daemon = await startDaemon(t, { database: { dbUrl: postgres.dbUrl, sql } });
  const shows = (state: string) =>
    until(state, async () => (await health(daemon)).body.database === state);
  await shows('up');
  await postgres.stop();
  await shows('down');
  postgres = await startEmbedded({ dataDir, owner: 'daemon' });
  await shows('up');
});

test('health.details decides who sees the details', async (t) => {
  const open = await startDaemon(t, { settings: { health: { details: 'open' } } });
  assert.ok((await health(open, forwarded)).body.version);
  const admin = await startDaemon(t, { settings: { health: { details: 'admin' } } });
  assert.deepEqual((await health(admin)).body, { status: 'ok' });
  assert.ok((await health(admin, bearer(admin.adminKey))).body.version);
});

test('/health/detailed tests every enabled provider, and each model on request', async (t) => {
  const daemon = await startDaemon(t, {
    settings: { health: { detailed_cache_ms: 300_000, probe_timeout_ms: 3_000 } },
  });
  const good = await startUpstream(t, answerChat);
  const bad = await startUpstream(t, ({ body }, response) => {
    const { model } = JSON.parse(String(body) || '{}');
    if (model === 'hangs') return;
    const status = model === 'refuses' ? 400 : 401;
    response.writeHead(status).end('{"error":{"message":"no, sk-secret-of-bad"}}');
  });
  const list = await startUpstream(t, (_request, response) => response.writeHead(404).end());
  const mapping = { a: 'x', same: 'x', b: 'text-embedding-3-small', 'wild-*': 'z', '/r/': 'z' };
  await daemon.addProvider('good', { api_base: good.url, model_mapping: mapping });
  await daemon.addProvider('bad', {
    api_base: bad.url,
    api_key: 'sk-secret-of-bad',
    model_mapping: { denies: 'denies', refuses: 'refuses', hangs: 'hangs' },
  });
  await daemon.addProvider('list', { api_base: list.url });
  await daemon.addProvider('gone', { api_base: 'http://127.0.0.1:1/v1' });
  await daemon.addProvider('off', { api_base: good.url, is_enabled: false });
  await daemon.reload();
  const ask1 = (headers: Record<string, string> = {}, search = '?models=true') =>
    ask(`${daemon.url}/health/detailed${search}`, { headers });

  await t.test('without models by its list of models, once', async () => {
    const [one, other] = await Promise.all([ask1({}, ''), ask1({}, '?models=false')]);
    assert.equal(one.text, other.text);
    const { providers } = JSON.parse(one.text);
    const told = providers.map((one: Record<string, unknown>) => [
      one.provider_key,
      one.status,
      one.error,
      one.models,
    ]);
    assert.deepEqual(told.sort(), [
      ['bad', 'unhealthy', 'HTTP 401', []],
      ['gone', 'unhealthy', 'could not connect (ECONNREFUSED)', []],
      ['good', 'healthy', null, []],
      ['list', 'healthy', null, []],
    ]);
    for (const { received } of [good, bad, list]) {
      assert.deepEqual(
        received.splice(0).map(({ method, path }) => `${method} ${path}`),
        ['GET /v1/models'],
      );
    }
    const wrong = await ask1({}, '?models=some');
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /models/);
  });

  const answers = await Promise.all([ask1(), ask1(), ask1(bearer(daemon.adminKey))]);

  await t.test('by one cheap request for each model that its mapping names', () => {
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    );
    const body = JSON.parse(answers[0]?.text ?? '');
    assert.equal(body.status, 'degraded');
    assert.deepEqual(
      [body.total_providers, body.healthy_providers, body.unhealthy_providers],
      [4, 2, 2],
    );
    const told = Object.fromEntries(
      body.providers.map((one: { provider_key: string; models: object[] }) => [
        one.provider_key,
        one,
      ]),
    );
    assert.equal(told.good.status, 'healthy');
    assert.deepEqual(told.good.summary, {
      total_models: 3,
      healthy_models: 3,
      unhealthy_models: 0,
    });
    const bad = told.bad.models.map(({ model, status, error }: Record<string, unknown>) => [
      model,
      status,
      error,
    ]);
    assert.deepEqual(bad.sort(), [
      ['denies', 'unhealthy', 'HTTP 401'],
      ['hangs', 'unhealthy', 'did not answer in time'],
      ['refuses', 'unknown', 'HTTP 400'],
    ]);
    assert.deepEqual([told.list.status, told.list.models], ['healthy', []]);
    assert.equal(told.gone.error, 'could not connect (ECONNREFUSED)');
    const asked = good.received.map(({ path, body: sent }) => [path, JSON.parse(String(sent))]);
    assert.deepEqual(asked.sort(), [
      [
        '/v1/chat/completions',
        { model: 'x', messages: [{ role: 'user', content: 'hi' }], max_tokens: 1 },
      ],
      ['/v1/embeddings', { model: 'text-embedding-3-small', input: 'hi' }],
    ]);
  });

  await t.test('once for all requests during the test and soon after', async () => {
    for (const { text } of [...answers, await ask1()]) assert.equal(text, answers[0]?.text);
    assert.equal(good.received.length, 2);
  });

  await t.test('for this machine and the admin key only', async () => {
    assert.equal((await ask1(forwarded)).status, 401);
    assert.equal((await ask1({ ...forwarded, ...bearer(daemon.adminKey) })).status, 200);
  });

  await t.test('and again when the configuration has changed', async () => {
    await daemon.sql`UPDATE providers SET is_enabled = false WHERE provider_key <> 'good'`;
    await daemon.reload();
    assert.equal(JSON.parse((await ask1()).text).status, 'healthy');
  });
});

test('the admin API tests one provider, also a disabled one', async (t) => {
  const daemon = await startDaemon(t);
  let underWay = 0;
  let most = 0;
  const { url, received } = await startUpstream(t, ({ body }, response) => {
    const { model, max_completion_tokens } = JSON.parse(String(body));
    most = Math.max(most, ++underWay);
    response.on('finish', () => underWay--);
    const json = { 'content-type': 'application/json' };
    if (model === 'wrong') {
      const message = 'Incorrect API key: sk-of-this-provider';
      response.writeHead(401, json).end(JSON.stringify({ error: { message } }));
    } else if (model === 'o9' && !max_completion_tokens) {
      const message = "Use 'max_completion_tokens' instead.";
      response.writeHead(400, json).end(JSON.stringify({ error: { message } }));
    } else {
      setTimeout(() => response.writeHead(200, json).end(chatCompletion()), 30);
    }
  });
  await daemon.addProvider('p', {
    api_base: url,
    api_key: 'sk-of-this-provider',
    model_mapping: { bad: 'wrong', thinks: 'o9' },
    is_enabled: false,
  });
  await daemon.reload();
  const [row] = await daemon.sql`SELECT id FROM providers`;
  const probe = async (body: unknown, id = row?.id) => {
    const answered = await ask(`${daemon.url}/admin/v1/providers/${id}/health`, {
      method: 'POST',
      headers: bearer(daemon.adminKey),
      body: body === undefined ? '' : JSON.stringify(body),
    });
    return { status: answered.status, body: JSON.parse(answered.text) };
  };

  await t.test('with the models of its mapping, and its own messages without its key', async () => {
    const { status, body } = await probe(undefined);
    assert.equal(status, 200);
    assert.deepEqual([body.provider_id, body.provider_key, body.status], [row?.id, 'p', 'healthy']);
    const [bad, thinks] = body.models;
    assert.equal(bad.error, 'HTTP 401: Incorrect API key: ***');
    assert.deepEqual([thinks.model, thinks.status, thinks.error], ['thinks', 'healthy', null]);
    assert.deepEqual(body.summary, { total_models: 2, healthy_models: 1, unhealthy_models: 1 });
    assert.equal(JSON.parse(String(received.at(-1)?.body)).max_completion_tokens, 16);
  });

  await t.test('or with others, up to the allowed number at once', async () => {
    most = 0;
    const models = Array.from({ length: 9 }, (_, index) => `m${index}`);
    const { body } = await probe({ models, max_concurrent: 3, timeout_secs: 5 });
    assert.equal(body.summary.healthy_models, 9);
    assert.equal(most, 3);
  });

  await t.test('and refuses invalid requests', async () => {
    for (const [asked, param] of [
      [{ max_concurrent: 0 }, 'max_concurrent'],
      [{ timeout_secs: 'x' }, 'timeout_secs'],
      [{ models: [1] }, 'models.0'],
      [{ nope: 1 }, 'nope'],
    ] as const) {
      const { status, body } = await probe(asked);
      assert.deepEqual([status, body.error.param], [400, param]);
    }
    assert.equal((await probe({}, 999)).status, 404);
  });
});

test('background probes eject a provider and bring it back', async (t) => {
  const { daemon, key, providers } = await startGateway(
    t,
    { steady: {}, probed: {} },
    { workers: 2 },
  );
  let works = false;
  const { url, received } = await startUpstream(t, (_request, response) => {
    if (works) response.writeHead(200).end(chatCompletion('probed'));
    else response.writeHead(500).end();
  });
  await providers.probed?.close();
  const params = { probe: { interval_ms: 1_000, model: 'm' } };
  await daemon.sql`
    UPDATE providers SET api_base = ${url}, provider_params = ${daemon.sql.json(params)}
    WHERE provider_key = 'probed'`;
  await daemon.reload();

  await daemon.waitFor('provider_ejected', ({ provider }) => provider === 'probed');
  await until('both workers to know', async () => {
    const told = await Promise.all(Array.from({ length: 10 }, () => healthOf(daemon, 'probed')));
    return told.every((healthy) => !healthy);
  });
  const before = received.length;
  for (let i = 0; i < 10; i++) assert.equal(await whoAnswers(daemon, key), 'steady');
  const messages = received.slice(before).map(({ body }) => JSON.parse(String(body)).max_tokens);
  assert.ok(
    messages.every((tokens) => tokens === 1),
    'only probes reach it',
  );

  works = true;
  await daemon.waitFor('provider_recovered', ({ provider }) => provider === 'probed');
  await until('it is used', async () => (await whoAnswers(daemon, key)) === 'probed');
  const told = daemon.logs.filter(({ event }) => event === 'provider_probed');
  assert.deepEqual(
    told.map(({ level }) => level),
    ['warn', 'info'],
  );
});

test('/v1/models shows the models that providers list where no mapping names them', async (t) => {
  const daemon = await startDaemon(t, { settings: { health: { discover_models_ms: 600_000 } } });
  const { mock } = await mockForTest(t);
  const list = (ids: unknown[]) =>
    startUpstream(t, (_request, response) => {
      response.writeHead(200).end(JSON.stringify({ data: ids.map((id) => ({ id })) }));
    });
  const wild = await list(['claude-a', 'claude-b', 'other']);
  const odd = await list(['fine', 7, '', 'x'.repeat(300), 'line\nbreak', null]);
  const broken = await startUpstream(t, (_request, response) => response.writeHead(500).end());
  await daemon.addProvider('all', { api_base: mock.url });
  await daemon.addProvider('wild', {
    api_base: wild.url,
    model_mapping: { 'claude-*': 'claude-*', named: 'other' },
  });
  await daemon.addProvider('odd', { api_base: odd.url });
  await daemon.addProvider('broken', { api_base: broken.url });
  const key = await daemon.addKey('alice');
  const some = await daemon.addKey('bob', { allowed_models: ['claude-*'] });
  await daemon.reload();
  const listed = async (who: string): Promise<string[]> => {
    const page = await openAi(daemon, who).models.list();
    return page.data.map(({ id }) => id);
  };
  await daemon.waitFor('models_not_discovered', ({ provider }) => provider === 'broken');
  const models = await until('all lists', async () => {
    const names = await listed(key);
    return ['fine', 'gpt-4o', 'claude-a'].every((name) => names.includes(name)) && names;
  });
  assert.deepEqual(models, [...models].sort());
  assert.ok(models.includes('named'));
  assert.ok(!models.includes('other') && !models.some((name) => name.length > 256));
  assert.equal(new Set(models).size, models.length);
  assert.deepEqual(await listed(some), ['claude-a', 'claude-b']);

  const asked = wild.received.length;
  await daemon.addKey('another');
  await daemon.reload();
  assert.equal(wild.received.length, asked, 'another key is no reason to ask again');
  await daemon.sql`DELETE FROM providers WHERE provider_key = 'wild'`;
  await daemon.reload();
  await until('its models are gone', async () => !(await listed(key)).includes('named'));
});
