import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';

const page = 'https://app.example.com';
const preflight = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type,x-stainless-lang',
};
const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] });

for (const { engine, skip } of engines) {
  test(`a web page may use what its origin is allowed for through ${engine}`, {
    skip,
  }, async (t) => {
    const { mock } = await mockForTest(t);
    const daemon = await startDaemon(t, {
      engine,
      settings: { server: { cors_origins: [page, 'null'] } },
    });
    await daemon.addProvider('mock', { api_base: mock.url });
    const key = await daemon.addKey('web');
    await daemon.reload();
    const chat = `${daemon.url}/v1/chat/completions`;

    await t.test('the browser gets the permission before and with each answer', async () => {
      for (const origin of [page, page.toUpperCase(), 'null']) {
        const asked = await ask(chat, { method: 'OPTIONS', headers: { origin, ...preflight } });
        assert.equal(asked.status, 204);
        assert.equal(asked.headers['access-control-allow-origin'], origin);
        assert.match(String(asked.headers['access-control-allow-methods']), /POST/);
        assert.equal(
          asked.headers['access-control-allow-headers'],
          preflight['access-control-request-headers'],
        );
        assert.equal(asked.headers.vary, 'origin');
      }
      const headers = { ...bearer(key), origin: page };
      const whole = await ask(chat, { method: 'POST', headers, body });
      const stream = await ask(chat, {
        method: 'POST',
        headers,
        body: body.replace('{', '{"stream":true,'),
      });
      const refused = await ask(chat, { method: 'POST', headers: { origin: page }, body });
      const models = await ask(`${daemon.url}/v1/models`, { headers });
      const unknown = await ask(`${daemon.url}/v1/none`, { headers });
      assert.deepEqual(
        [whole, stream, refused, models, unknown].map(({ status }) => status),
        [200, 200, 401, 200, 404],
      );
      for (const answered of [whole, stream, refused, models, unknown]) {
        assert.equal(answered.headers['access-control-allow-origin'], page);
        assert.equal(answered.headers['access-control-expose-headers'], '*');
      }
      assert.match(stream.text, /\[DONE\]/);
    });

    await t.test('a page of another origin, and the admin API, get no permission', async () => {
      const cases: [url: string, origin: string][] = [
        [chat, 'https://evil.example.com'],
        [chat, `${page}.evil.com`],
        [`${daemon.url}/admin/v1/providers`, page],
        [`${daemon.url}/metrics`, page],
        [`${daemon.url}/`, page],
      ];
      for (const [url, origin] of cases) {
        const asked = await ask(url, { method: 'OPTIONS', headers: { origin, ...preflight } });
        assert.notEqual(asked.status, 204, url);
        assert.equal(asked.headers['access-control-allow-origin'], undefined, url);
      }
      const headers = { ...bearer(key), origin: 'https://evil.example.com' };
      const answered = await ask(chat, { method: 'POST', headers, body });
      assert.equal(answered.headers['access-control-allow-origin'], undefined);
    });

    await t.test('OPTIONS without the question of a browser is no request', async () => {
      const asked = await ask(chat, { method: 'OPTIONS', headers: { origin: page } });
      assert.equal(asked.status, 405);
      const nowhere = await ask(`${daemon.url}/v1/none`, {
        method: 'OPTIONS',
        headers: { origin: page, ...preflight },
      });
      assert.equal(nowhere.status, 404);
    });
  });
}

test('by default no page may', async (t) => {
  const daemon = await startDaemon(t);
  const chat = `${daemon.url}/v1/chat/completions`;
  const asked = await ask(chat, { method: 'OPTIONS', headers: { origin: page, ...preflight } });
  assert.equal(asked.status, 405);
  assert.equal(asked.headers['access-control-allow-origin'], undefined);
});
