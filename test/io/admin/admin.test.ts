import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from '../../../src/db/client.js';
import { startEmbedded } from '../../../src/db/embedded.js';
import { type Answered, ask, askChat, bearer } from '../../support/ask.js';
import { type DaemonOptions, startDaemon } from '../../support/daemon.js';
import { testDirectory } from '../../support/postgres.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const provider = {
  provider_key: 'openai-main',
  provider_type: 'openai',
  api_base: 'https://api.openai.com/v1',
  api_key: 'sk-0123456789-0123456789',
  model_mapping: {},
  is_enabled: true,
};

/** The parts of answers used by the tests. */
interface Body {
  version: number;
  status?: string;
  provider: Record<string, unknown> & { id: number };
  providers: { id: number; provider_key: string }[];
  credential: Record<string, unknown> & { id: number; key?: string };
  credentials: { id: number; name: string }[];
  error: { code: string; param: string | null; message: string };
}

async function start(t: TestContext, options: DaemonOptions = {}) {
  const daemon = await startDaemon(t, options);
  const admin = async (method: string, path: string, body?: unknown) => {
    const answered = await ask(`${daemon.url}/admin/v1${path}`, {
      method,
      headers: bearer(daemon.adminKey),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const parsed = answered.text === '' ? {} : JSON.parse(answered.text);
    return { ...answered, body: parsed as Body };
  };
  return { daemon, admin };
}

interface Candidate {
  provider: string;
  model_sent: string;
  share: number;
}

function assertError(
  answered: Answered & { body: Body },
  status: number,
  code: string,
  param = '',
) {
  const { error } = answered.body;
  assert.deepEqual(
    { status: answered.status, code: error.code, param: error.param ?? '' },
    { status, code, param },
    answered.text,
  );
}

test('the admin API', async (t) => {
  const settings = { routing: { fallbacks: { many: ['of-many-3'] } } };
  const { daemon, admin } = await start(t, { workers: 2, settings });

  await t.test('creates, lists, shows, changes and deletes a provider', async () => {
    const created = await admin('POST', '/providers', provider);
    assert.equal(created.status, 201, created.text);
    const { id } = created.body.provider;
    assert.equal(created.headers.location, `/admin/v1/providers/${id}`);
    const { api_key, ...shown } = provider;
    const expected = { ...shown, id, weight: 1, provider_params: {}, api_key_preview: 'sk-…6789' };
    const { created_at, updated_at, ...rest } = created.body.provider;
    assert.deepEqual(rest, expected);

    const got = await admin('GET', `/providers/${id}`);
    assert.deepEqual(got.body.provider, created.body.provider);
    assert.deepEqual((await admin('GET', '/providers')).body.providers, [got.body.provider]);

    const changes = { api_key: 'sk-new-0123456789-0123456', model_mapping: { 'gpt-4': 'gpt-4o' } };
    const changed = await admin('PUT', `/providers/${id}`, changes);
    assert.equal(changed.status, 200, changed.text);
    assert.equal(changed.body.status, 'updated');
    assert.equal(changed.body.version, created.body.version + 1);
    assert.equal(changed.body.provider.api_key_preview, 'sk-…3456');
    assert.deepEqual(changed.body.provider.model_mapping, changes.model_mapping);
    assert.equal(changed.body.provider.api_base, provider.api_base);

    const deleted = await admin('DELETE', `/providers/${id}`);
    assert.deepEqual([deleted.status, deleted.text], [204, '']);
    assertError(await admin('GET', `/providers/${id}`), 404, 'not_found', 'id');
    assertError(await admin('PUT', `/providers/${id}`, changes), 404, 'not_found', 'id');
    assertError(await admin('DELETE', `/providers/${id}`), 404, 'not_found', 'id');
  });

  await t.test('takes lists as long as a body may be', async () => {
    const allowed_models = Array.from({ length: 80_000 }, (_, n) => `m${n}`);
    const created = await admin('POST', '/credentials', { name: 'many', allowed_models });
    assert.equal(created.status, 201, created.text.slice(0, 300));
    const { id, key } = created.body.credential;
    daemon.secrets.add(String(key));
    const path = `/credentials/${id}`;
    assert.equal((await admin('PUT', path, { allowed_models: ['m'] })).status, 200);
    assert.equal((await admin('DELETE', path)).status, 204);
    const mapping = Object.fromEntries(allowed_models.slice(0, 40_000).map((name) => [name, 'm']));
    const large = await admin('POST', '/providers', { ...provider, model_mapping: mapping });
    assert.equal(large.status, 201, large.text.slice(0, 300));
    assert.equal((await admin('DELETE', `/providers/${large.body.provider.id}`)).status, 204);
  });

  await t.test('refuses a parameter that is given twice, and checks each that may be', async () => {
    assertError(
      await admin('GET', '/credentials?limit=1&limit=2'),
      400,
      'invalid_request',
      'limit',
    );
    assertError(await admin('GET', '/credentials?tag=a&tag=%00'), 400, 'invalid_request', 'tag');
    assert.equal((await admin('GET', '/credentials?tag=a&tag=b')).status, 200);
  });

  await t.test('creates, lists, shows, changes and deletes a key', async () => {
    const key = 'sk-my-own-secret-key-0001';
    daemon.secrets.add(key);
    const created = await admin('POST', '/credentials', { key, name: 'own', rate_limit: 100 });
    assert.equal(created.status, 201, created.text);
    const { id } = created.body.credential;
    assert.equal(created.body.credential.key, undefined);
    assert.equal(created.body.credential.key_preview, 'sk-…0001');
    assert.equal(created.body.credential.rate_limit, 100);
    assert.deepEqual(created.body.credential.allowed_models, ['*']);

    const got = await admin('GET', `/credentials/${id}`);
    assert.deepEqual(got.body.credential, created.body.credential);
    const changed = await admin('PUT', `/credentials/${id}`, {
      rate_limit: null,
      allowed_models: null,
      store_bodies: true,
    });
    assert.equal(changed.body.status, 'updated');
    assert.equal(changed.body.credential.rate_limit, null);
    assert.equal(changed.body.credential.allowed_models, null);
    assert.equal(created.body.credential.store_bodies, false);
    assert.equal(changed.body.credential.store_bodies, true);
    assert.equal(changed.body.credential.name, 'own');
    assertError(
      await admin('POST', '/credentials', { key, name: 'again' }),
      409,
      'conflict',
      'key',
    );
    assert.equal((await admin('DELETE', `/credentials/${id}`)).status, 204);
    assertError(await admin('GET', `/credentials/${id}`), 404, 'not_found', 'id');
  });

  await t.test('generates a key, and answers with it once', async () => {
    const created = await admin('POST', '/credentials?wait=active', { name: 'generated' });
    const { id, key = '' } = created.body.credential;
    daemon.secrets.add(key);
    assert.match(key, /^sk-llmp-[0-9A-Za-z]{48}$/);
    assert.equal((await admin('GET', `/credentials/${id}`)).body.credential.key, undefined);
    const models = await ask(`${daemon.url}/v1/models`, { headers: bearer(key) });
    assert.equal(models.status, 200);
    await admin('DELETE', `/credentials/${id}`);
  });

  await t.test('returns pages, filtered by state and name', async () => {
    const keys = ['alpha', 'beta', 'gamma', 'delta'];
    for (const provider_key of keys) {
      await admin('POST', '/providers', {
        ...provider,
        provider_key,
        is_enabled: provider_key !== 'beta',
      });
    }
    const list = async (query: string) =>
      (await admin('GET', `/providers${query}`)).body.providers.map((row) => row.provider_key);
    assert.deepEqual(await list(''), keys);
    assert.deepEqual(await list('?limit=2&offset=1'), ['beta', 'gamma']);
    assert.deepEqual(await list('?enabled=false'), ['beta']);
    assert.deepEqual(await list('?search=LT'), ['delta']);
    assert.deepEqual(await list('?limit=1&enabled=true&search=a&offset=2'), ['delta']);
    for (const [query, param] of [
      ['?limit=0', 'limit'],
      ['?limit=ten', 'limit'],
      ['?offset=-1', 'offset'],
      ['?enabled=1', 'enabled'],
      ['?serach=a', 'serach'],
      ['?search=%00', 'search'],
    ] as const) {
      assertError(await admin('GET', `/providers${query}`), 400, 'invalid_request', param);
    }
    for (const { id } of (await admin('GET', '/providers')).body.providers) {
      await admin('DELETE', `/providers/${id}`);
    }
  });

  await t.test('refuses invalid rows, naming the field, and commits nothing', async () => {
    const { version } = (await admin('GET', '/providers')).body;
    for (const [change, param] of [
      [{ nope: 1 }, 'nope'],
      [{ provider_key: undefined }, 'provider_key'],
      [{ provider_key: 'a b' }, 'provider_key'],
      [{ weight: -1 }, 'weight'],
      [{ weight: '3' }, 'weight'],
      [{ is_enabled: null }, 'is_enabled'],
      [{ provider_type: 'other' }, 'provider_type'],
      [{ api_base: 'api.openai.com' }, 'api_base'],
      [{ api_base: 'https://user:pass@x/v1' }, 'api_base'],
      [{ api_key: 'two words' }, 'api_key'],
      [{ model_mapping: { '/[/': 'x' } }, 'model_mapping./[/'],
      [{ model_mapping: { a: 'b*' } }, 'model_mapping.a'],
      [{ provider_params: { headers: { host: 'x' } } }, 'provider_params.headers.host'],
      [{ provider_params: { nope: 1 } }, 'provider_params.nope'],
      [{ api_key: 'nul\0' }, 'api_key'],
    ] as const) {
      const answered = await admin('POST', '/providers', { ...provider, ...change });
      assertError(answered, 400, 'invalid_request', param);
    }
    for (const [change, param] of [
      [{ name: '' }, 'name'],
      [{ name: 'lone \ud800' }, 'name'],
      [{ key: 'short' }, 'key'],
      [{ key: 'with a space' }, 'key'],
      [{ rate_limit: 0.5 }, 'rate_limit'],
      [{ allowed_models: ['/[/'] }, 'allowed_models.0'],
      [{ credential_key: 'x' }, 'credential_key'],
    ] as const) {
      const answered = await admin('POST', '/credentials', { name: 'a', ...change });
      assertError(answered, 400, 'invalid_request', param);
    }
    assertError(await admin('POST', '/credentials', ['a']), 400, 'invalid_request');
    assertError(await admin('GET', '/providers/first'), 400, 'invalid_request', 'id');
    assertError(await admin('DELETE', '/providers/1?wait=x'), 400, 'invalid_request', 'wait');
    assert.equal((await admin('GET', '/providers')).body.version, version);
  });

  await t.test('refuses a body that is not JSON without repeating it', async () => {
    const answered = await ask(`${daemon.url}/admin/v1/credentials`, {
      method: 'POST',
      headers: bearer(daemon.adminKey),
      body: '{"key":"sk-oops-a-secret",}',
    });
    assert.equal(answered.status, 400);
    assert.equal(JSON.parse(answered.text).error.code, 'invalid_json');
    assert.ok(!answered.text.includes('secret'));
  });

  await t.test('refuses a second provider with the same name, also by renaming', async () => {
    const first = await admin('POST', '/providers', provider);
    const second = await admin('POST', '/providers', { ...provider, provider_key: 'second' });
    assertError(await admin('POST', '/providers', provider), 409, 'conflict', 'provider_key');
    const renamed = await admin('PUT', `/providers/${second.body.provider.id}`, {
      provider_key: 'openai-main',
    });
    assertError(renamed, 409, 'conflict', 'provider_key');
    await admin('DELETE', `/providers/${first.body.provider.id}`);
    await admin('DELETE', `/providers/${second.body.provider.id}`);
  });

  await t.test('shows previews of extra headers only', async () => {
    const secret = 'a-token-that-is-long-enough';
    const created = await admin('POST', '/providers', {
      ...provider,
      provider_params: { headers: { 'x-token': secret }, priority: 2 },
    });
    const expected = { headers: { 'x-token': 'a-t…ough' }, priority: 2 };
    assert.deepEqual(created.body.provider.provider_params, expected);
    await admin('DELETE', `/providers/${created.body.provider.id}`);
  });

  await t.test('has of many providers those asked for, and of a model the first ones', async () => {
    await daemon.sql`
      INSERT INTO providers (provider_key, api_base, api_key, model_mapping, is_enabled, weight)
      SELECT 'many-' || n, 'http://127.0.0.1:9/v1', CASE WHEN n = 61 THEN 'env:NOT_SET' ELSE 'k' END,
        jsonb_build_object('many', 'sent', 'of-many-' || n, 'm', 'pattern-*', 'm'), n <> 60, n
      FROM generate_series(1, 61) n`;
    await daemon.reload();
    const status = async (query: string) => {
      const answered = await admin('GET', `/status?${query}`);
      const { providers, ...body } = answered.body as object as {
        providers: { provider: string; state: string }[];
        providers_total: number;
        provider_states: object;
      };
      const { providers_total: total, provider_states: states } = body;
      assert.deepEqual([total, states], [61, { available: 59, disabled: 1, key_unusable: 1 }]);
      return providers.map(({ provider, state }) => `${provider} ${state}`);
    };
    assert.deepEqual(await status('limit=2'), ['many-61 key_unusable', 'many-1 available']);
    assert.deepEqual(await status('limit=0'), []);
    assert.equal((await status('')).at(0), 'many-1 available');
    assert.deepEqual(await status('provider=many-60,many-2,none'), [
      ...['many-2 available', 'many-60 disabled'],
    ]);
    assertError(await admin('GET', '/status?provider=a b'), 400, 'invalid_request', 'provider');

    const models = async (query: string) => {
      const answered = await admin('GET', `/models?${query}`);
      return answered.body as object as {
        models: {
          model: string;
          candidates: Candidate[];
          candidates_total: number;
          fallbacks: string[];
        }[];
        total: number;
      };
    };
    const [many] = (await models('search=many&sort=-model')).models;
    assert.equal(many?.model, 'of-many-9');
    assert.deepEqual(
      many?.candidates.map(({ provider, model_sent, share }) => [provider, model_sent, share]),
      [['many-9', 'm', 1]],
    );
    const found = await models('search=many&limit=1');
    assert.equal(found.total, 60, 'of enabled providers, without patterns');
    const [shared] = found.models;
    assert.deepEqual([shared?.candidates.length, shared?.candidates_total], [50, 59]);
    assert.deepEqual(shared?.fallbacks, ['of-many-3']);
    const [first] = shared?.candidates ?? [];
    assert.deepEqual([first?.provider, first?.share], ['many-59', 59 / 1_770]);
    await daemon.sql`DELETE FROM providers`;
    await daemon.reload();
  });

  await t.test('knows its paths and methods', async () => {
    assertError(await admin('GET', '/nothing'), 404, 'unknown_url');
    const patched = await admin('PATCH', '/providers/1');
    assertError(patched, 405, 'method_not_allowed');
    assert.equal(patched.headers.allow, 'GET, HEAD, PUT, DELETE');
    const head = await ask(`${daemon.url}/admin/v1/providers`, {
      method: 'HEAD',
      headers: bearer(daemon.adminKey),
    });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['cache-control'], 'no-store');
  });

  await t.test('needs its own key, and makes guessers wait', async () => {
    const client = await daemon.addKey('client');
    await daemon.reload();
    const asked = (headers: Record<string, string>) =>
      ask(`${daemon.url}/admin/v1/config/version`, { headers });
    assert.equal((await asked({})).status, 401);
    assert.equal((await asked(bearer(client))).status, 401);
    assert.equal((await asked(bearer(daemon.adminKey))).status, 200);
    for (let i = 0; i < 10; i++) assert.equal((await asked(bearer('guess'))).status, 401);
    const refused = await asked(bearer('guess'));
    assert.equal(refused.status, 429);
    assert.match(refused.headers['retry-after'] ?? '', /^\d+$/);
    assert.equal((await asked(bearer(daemon.adminKey))).status, 200);
  });
});

test('a change is in use by every worker when ?wait=active answers', async (t) => {
  const { daemon, admin } = await start(t, { workers: 2 });
  const upstream = await startUpstream(t, answerChat);
  await admin('POST', '/providers', { ...provider, api_base: upstream.url });
  const created = await admin('POST', '/credentials?wait=active', { name: 'alice' });
  const { id, key = '' } = created.body.credential;
  daemon.secrets.add(key);
  const statuses = async () => {
    const answers = Array.from({ length: 16 }, () => askChat(daemon.url, key, 'm'));
    return [...new Set((await Promise.all(answers)).map(({ status }) => status))];
  };
  assert.deepEqual(await statuses(), [200]);
  await admin('PUT', `/credentials/${id}?wait=active`, { allowed_models: ['other'] });
  assert.deepEqual(await statuses(), [403]);
  await admin('PUT', `/credentials/${id}?wait=active`, { is_enabled: false });
  assert.deepEqual(await statuses(), [401]);
  await admin('PUT', `/credentials/${id}?wait=active`, { is_enabled: true, allowed_models: null });
  assert.deepEqual(await statuses(), [200]);
  assert.equal((await admin('DELETE', `/credentials/${id}?wait=active`)).status, 204);
  assert.deepEqual(await statuses(), [401]);
});

test('refuses a change with which an override file could not be used', async (t) => {
  const { daemon, admin } = await start(t);
  const { id } = (await admin('POST', '/providers', provider)).body.provider;
  mkdirSync(daemon.overridesDir, { recursive: true });
  writeFileSync(
    join(daemon.overridesDir, 'local.yaml'),
    'providers:\n  openai-main:\n    weight: 5\n',
  );
  await daemon.reload();
  const refused = await admin('DELETE', `/providers/${id}`);
  assertError(refused, 409, 'invalid_configuration');
  assert.match(refused.body.error.message, /local\.yaml: providers\.openai-main/);
  assert.equal((await admin('GET', `/providers/${id}`)).status, 200);
  assert.equal((await admin('PUT', `/providers/${id}`, { weight: 2 })).status, 200);
});

test('answers 503 while the database is away, and serves models', async (t) => {
  const postgres = await startEmbedded({ dataDir: testDirectory(), owner: 'daemon' });
  t.after(() => postgres.stop());
  const sql = connect(postgres.dbUrl, { max: 1 });
  t.after(() => sql.end({ timeout: 1 }));
  const database = { dbUrl: postgres.dbUrl, sql };
  const { daemon, admin } = await start(t, { database });
  const upstream = await startUpstream(t, answerChat);
  await admin('POST', '/providers', { ...provider, api_base: upstream.url });
  const created = await admin('POST', '/credentials?wait=active', { name: 'alice' });
  const { key = '' } = created.body.credential;
  daemon.secrets.add(key);
  await postgres.stop();
  assertError(await admin('GET', '/providers'), 503, 'unavailable');
  assertError(await admin('POST', '/credentials', { name: 'bob' }), 503, 'unavailable');
  assertError(await admin('POST', '/config/reload'), 503, 'unavailable');
  assert.equal((await admin('GET', '/config/version')).status, 200);
  assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
});

test('a provider is created by the name of a well-known server', async (t) => {
  const daemon = await startDaemon(t);
  const post = async (body: object) => {
    const answer = await fetch(`${daemon.url}/admin/v1/providers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${daemon.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };
  const fields = { api_key: 'sk-0123456789' };
  const groq = await post({ ...fields, provider_key: 'g', provider_type: 'groq' });
  assert.equal(groq.status, 201);
  assert.equal(groq.body.provider.provider_type, 'openai');
  assert.equal(groq.body.provider.api_base, 'https://api.groq.com/openai/v1');
  const api_base = 'https://eu.api.mistral.ai/v1';
  const own = await post({ ...fields, provider_key: 'm', provider_type: 'mistral', api_base });
  assert.equal(own.body.provider.api_base, api_base);
  const claude = await post({ ...fields, provider_key: 'c', provider_type: 'anthropic' });
  assert.equal(claude.body.provider.api_base, 'https://api.anthropic.com/v1');
  const bare = await post({ ...fields, provider_key: 'b', provider_type: 'azure' });
  assert.deepEqual([bare.status, bare.body.error.param], [400, 'api_base']);
  const unknown = await post({ ...fields, provider_key: 'u', provider_type: 'nope' });
  assert.equal(unknown.status, 400);
});
