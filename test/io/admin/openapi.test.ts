import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { openaiOperations } from '../../../src/config/configuration.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { type Answered, type AskOptions, ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';

interface Response {
  headers?: Record<string, object>;
  content?: Record<string, { schema?: object }>;
}

interface Document {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, object> }>>;
}

/** With their prerequisites: sessions, endless streams, and objects stored at providers. */
const testedElsewhere =
  /^\/(ws\/|admin\/v1\/(session|oidc|events)|console|v1\/(realtime$|files|uploads|batches|vector_stores|fine_tuning|conversations|responses\/\{|messages\/batches))/;

test('the answers of the daemon match its document', async (t) => {
  const daemon = await startDaemon(t);
  const { mock } = await mockForTest(t);
  await daemon.addProvider('mock', {
    api_base: mock.url,
    model_mapping: { m: 'gpt-4o' },
    provider_params: { operations: openaiOperations },
  });
  await daemon.addProvider('claude', {
    provider_type: 'anthropic',
    api_base: mock.url,
    model_mapping: { c: 'claude-demo' },
  });
  await daemon.addProvider('google', {
    provider_type: 'gemini',
    api_base: mock.url.replace(/v1$/, 'v1beta'),
    model_mapping: { g: 'gemini-demo' },
  });
  const key = await daemon.addKey('alice');
  const limited = await daemon.addKey('limited', { rate_limit: 0 });
  await daemon.reload();

  const document = JSON.parse((await ask(`${daemon.url}/openapi.json`)).text) as Document;
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'document');
  const asked = new Set<string>();

  /** Sends a request, and checks status, headers, type and body against the operation. */
  async function check(method: string, path: string, pattern: string, options: AskOptions = {}) {
    const answered = await ask(daemon.url + path, { method, ...options });
    const where = `${method} ${pattern} ${answered.status}`;
    const operation = document.paths[pattern]?.[method.toLowerCase()];
    const found = operation?.responses[answered.status];
    assert.ok(operation && found, `${where} is not described: ${answered.text}`);
    if (answered.status < 300) asked.add(operation.operationId);
    const response = resolve(found) as Response;
    assertDescribed(answered, response, where);
    return answered;
  }

  function assertDescribed(answered: Answered, response: Response, where: string) {
    assert.ok(answered.headers['x-request-id'], where);
    for (const name of Object.keys(answered.headers)) {
      const ours = /^(x-llmproxy-|x-ratelimit-|retry-after|allow$|location$)/.test(name);
      assert.ok(!ours || response.headers?.[name], `${where}: header ${name} is not described`);
    }
    if (answered.text === '') return;
    const type = String(answered.headers['content-type']).split(';')[0] ?? '';
    const media = response.content?.[type] ?? response.content?.[type.replace(/\/.*/, '/*')];
    assert.ok(media, `${where}: ${type} is not described`);
    if (type !== 'application/json' || !media.schema) return;
    const validate = ajv.compile(absolute(media.schema));
    assert.ok(validate(JSON.parse(answered.text)), `${where}: ${ajv.errorsText(validate.errors)}`);
  }

  /** The schema with its references pointing into the document. */
  function absolute(schema: object): object {
    return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'));
  }

  function resolve(part: object): object {
    if (!('$ref' in part)) return part;
    return String(part.$ref)
      .slice(2)
      .split('/')
      .reduce<unknown>((node, name) => Reflect.get(node as object, name), document) as object;
  }

  const admin = bearer(daemon.adminKey);
  const post = (headers: Record<string, string>, body: unknown) => ({
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

  /** A form of these fields, with the files that some endpoints want. */
  const formOf = (headers: Record<string, string>, fields: object) => {
    const parts = Object.entries(fields).map(
      ([name, value]) =>
        `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    for (const name of ['file', 'image']) {
      parts.push(
        `--b\r\ncontent-disposition: form-data; name="${name}"; filename="a"\r\n\r\nx\r\n`,
      );
    }
    const type = { 'content-type': 'multipart/form-data; boundary=b' };
    return { headers: { ...headers, ...type }, body: `${parts.join('')}--b--\r\n` };
  };

  await t.test('of models', async () => {
    const chat = '/v1/chat/completions';
    const messages = say('hi');
    await check('POST', chat, chat, post(bearer(key), { model: 'm', messages }));
    await check('POST', chat, chat, post(bearer(key), { model: 'm', messages, stream: true }));
    await check('POST', chat, chat, post(bearer(key), { model: 'none', messages }));
    await check('POST', chat, chat, post(bearer(key), '{'));
    await check('POST', chat, chat, post(bearer(limited), { model: 'm', messages }));
    await check('POST', chat, chat, post({}, { model: 'm', messages }));
    for (const { pattern, document, dialect, form } of modelEndpoints) {
      const [maker = ''] = dialect.name.split('.');
      const model = { anthropic: 'c', gemini: 'g' }[maker] ?? 'm';
      const inPath = pattern.includes('{model}');
      const send = (headers: Record<string, string>, name: string) => {
        const path = `${pattern.replace('{model}', name)}?alt=sse`;
        const asked = inPath ? document.example : withModel(document.example, name);
        if (!form) return check('POST', path, pattern, post(headers, asked));
        return check('POST', path, pattern, formOf(headers, asked));
      };
      assert.equal((await send(bearer(key), model)).status, 200, pattern);
      await send(bearer(key), 'none');
      await send({}, model);
    }
    await check('GET', '/api/hello', '/api/hello');
    await check('GET', '/v1/models', '/v1/models', { headers: bearer(key) });
    await check('GET', '/v1/models/m', '/v1/models/{model}', { headers: bearer(key) });
    await check('GET', '/v1/models/x', '/v1/models/{model}', { headers: bearer(key) });
    const anthropic = { headers: { ...bearer(key), 'anthropic-version': '2023-06-01' } };
    await check('GET', '/v1/models?limit=1', '/v1/models', anthropic);
    await check('GET', '/v1/models/m', '/v1/models/{model}', anthropic);
    await check('GET', '/v1beta/models', '/v1beta/models', { headers: bearer(key) });
    await check('GET', '/v1beta/models/g', '/v1beta/models/{model}', { headers: bearer(key) });
    await check('GET', '/v1beta/models/x', '/v1beta/models/{model}', { headers: bearer(key) });
    await check('GET', '/health', '/health');
  });

  await t.test('of the admin API', async () => {
    const rows: [path: string, body: object, change: object][] = [
      [
        '/admin/v1/providers',
        { provider_key: 'p', api_base: 'http://127.0.0.1:9/v1', api_key: 'k', is_enabled: false },
        { weight: 2 },
      ],
      ['/admin/v1/credentials', { name: 'bob' }, { rate_limit: 5 }],
      ['/admin/v1/teams', { name: 'chat' }, { limits: { tokens_per_day: 5 } }],
      ['/admin/v1/prices', { name: 'm', rates: { input: 1 } }, { rates: { output: 2 } }],
      ['/admin/v1/budgets', { name: 'b', amount: 10 }, { amount: 20 }],
      [
        '/admin/v1/guardrails',
        { name: 'g', kind: 'size', config: { max_prompt_chars: 9_000 } },
        { mode: 'monitor' },
      ],
      [
        '/admin/v1/mirrors',
        { name: 'r', provider: 'mock', sample_percent: 1 },
        { sample_percent: 2 },
      ],
      [
        '/admin/v1/canaries',
        { name: 'c', model: 'm', from_provider: 'mock', to_provider: 'claude' },
        { steps: [50, 100] },
      ],
      ['/admin/v1/stops', { name: 's', applies_to: { model: 'n' } }, { reason: 'why' }],
    ];
    for (const [path, body, change] of rows) {
      const created = await check('POST', path, path, post(admin, body));
      const row = `${created.headers.location}`;
      const generated = JSON.parse(created.text).credential?.key;
      if (generated) daemon.secrets.add(generated);
      await check('GET', path, path, { headers: admin });
      await check('GET', row, `${path}/{id}`, { headers: admin });
      await check('PUT', row, `${path}/{id}`, post(admin, change));
      if (path.endsWith('/providers')) {
        await check('POST', `${row}/merge`, `${path}/{id}/merge`, post(admin, change));
      }
      if (generated) {
        const rotated = await check(
          'POST',
          `${row}/rotate`,
          `${path}/{id}/rotate`,
          post(admin, { grace_secs: 60 }),
        );
        daemon.secrets.add(JSON.parse(rotated.text).credential.key);
      }
      if (path.endsWith('/guardrails')) {
        await check('POST', `${row}/test`, `${path}/{id}/test`, post(admin, { text: 'hi' }));
      }
      await check('POST', path, path, post(admin, { nope: 1 }));
      await check('DELETE', row, `${path}/{id}`, { headers: admin });
      await check('GET', row, `${path}/{id}`, { headers: admin });
    }
    const purge = '/admin/v1/cache/purge';
    await check('POST', purge, purge, post(admin, { key: 'alice' }));
    await check('POST', '/admin/v1/config/reload', '/admin/v1/config/reload', { headers: admin });
    await check('GET', '/admin/v1/config/version', '/admin/v1/config/version', { headers: admin });
    await check('GET', '/admin/v1/config/version', '/admin/v1/config/version');
  });

  await t.test('of the lifecycle of a configuration', async () => {
    const config = '/admin/v1/config';
    const checkConfig = (path: string, body: object) =>
      check('POST', config + path, config + path, post(admin, body));
    const versions = `${config}/versions/{version}`;
    const change = { document: 'providers: {mock: {weight: 3}}' };
    const planned = JSON.parse((await checkConfig('/plan', change)).text);
    assert.equal(planned.changes[0].name, 'mock');
    const applied = JSON.parse((await checkConfig('/apply', { ...change, message: 'why' })).text);
    assert.equal(applied.applied, true);
    await checkConfig('/apply', { ...change, base_version: planned.version });
    await checkConfig('/plan', { document: 'providers: {mock: {wait: 3}}' });
    await checkConfig('/rollback', { version: planned.version });
    await checkConfig('/rollback', { version: 1_000_000 });
    await check('GET', `${config}/versions/${applied.version}`, versions, { headers: admin });
    await check('GET', `${config}/versions/1000000`, versions, { headers: admin });
  });

  await t.test('of an explanation', async () => {
    const explain = '/admin/v1/explain';
    const { headers } = await ask(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      ...post(bearer(key), { model: 'm', messages: say('hi') }),
    });
    const known = `${explain}/${headers['x-request-id']}`;
    await until('the request to be known', async () => {
      return (await ask(daemon.url + known, { headers: admin })).status === 200;
    });
    await check('GET', known, `${explain}/{request_id}`, { headers: admin });
    const bodies = (id: string) => `/admin/v1/requests/${id}/bodies`;
    const stored = bodies(String(headers['x-request-id']));
    await until('its row', async () => {
      return (await ask(daemon.url + stored, { headers: admin })).status === 200;
    });
    await check('GET', stored, bodies('{request_id}'), { headers: admin });
    await check('GET', bodies('nothing'), bodies('{request_id}'), { headers: admin });
    for (const [path, id] of [
      ['/admin/v1/requests/explanation', headers['x-request-id']],
      ['/admin/v1/requests/explanation', 'nothing'],
      ['/admin/v1/requests/bodies', headers['x-request-id']],
      ['/admin/v1/requests/bodies', 'nothing'],
    ] as const) {
      await check('GET', `${path}?request_id=${id}`, path, { headers: admin });
    }
    await check('GET', `${explain}/nothing`, `${explain}/{request_id}`, { headers: admin });
    await check('GET', `${explain}?model=m&key=alice`, explain, { headers: admin });
    await check('GET', `${explain}?model=none`, explain, { headers: admin });
    await check('GET', explain, explain, { headers: admin });
  });

  await t.test('of every other operation that needs only its parameters', async () => {
    for (const [pattern, methods] of Object.entries(document.paths)) {
      const operation = methods.get;
      if (!operation || asked.has(operation.operationId) || pattern.startsWith('/docs/')) continue;
      if (testedElsewhere.test(pattern)) continue;
      await check('GET', pattern, pattern, { headers: admin });
    }
    const confirm = '/admin/v1/fleet/confirm';
    await check('GET', `${confirm}?version=1`, confirm, { headers: admin });
    const { id } = JSON.parse(
      (await ask(`${daemon.url}/admin/v1/providers`, { headers: admin })).text,
    ).providers[0];
    const probe = '/admin/v1/providers/{id}/health';
    if (document.paths[probe]) {
      await check('POST', probe.replace('{id}', id), probe, post(admin, { models: ['m'] }));
    }
    await check('GET', '/docs/init.js', '/docs/{file}');
    await check('GET', '/docs/none', '/docs/{file}');
    const all = Object.entries(document.paths)
      .filter(([pattern]) => !testedElsewhere.test(pattern))
      .flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId));
    assert.deepEqual([...asked].sort(), all.sort());
  });

  await t.test('the page needs nothing from other hosts, and its files may be cached', async () => {
    const page = await ask(`${daemon.url}/docs`);
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    assert.ok(links.length >= 4);
    for (const link of links) {
      assert.doesNotMatch(link, /^(https?:|\/)/);
      const file = await ask(new URL(link, `${daemon.url}/docs`).href);
      assert.equal(file.status, 200, link);
      const etag = file.headers.etag ?? '';
      const again = await ask(new URL(link, `${daemon.url}/docs`).href, {
        headers: { 'if-none-match': etag },
      });
      assert.deepEqual([again.status, again.text], [304, ''], link);
      if (link.includes('?v=')) assert.match(file.headers['cache-control'] ?? '', /immutable/);
    }
  });
});

/** The example of a request, for another model, wherever it names one. */
function withModel(example: object, model: string): object {
  const inner = Object.entries(example).find(([, value]) => Object(value).model);
  return inner ? { ...example, [inner[0]]: { ...inner[1], model } } : { ...example, model };
}
