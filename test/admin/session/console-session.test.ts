import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';

const cookieOf = ({ headers }: Answered) => String(headers['set-cookie']?.[0]).split(';')[0] ?? '';

async function signIn(url: string, key: string) {
  const answer = await ask(`${url}/admin/v1/session`, { method: 'POST', headers: bearer(key) });
  assert.equal(answer.status, 201, answer.text);
  return { cookie: cookieOf(answer), ...JSON.parse(answer.text), answer };
}

const provider = JSON.stringify({
  provider_key: 'main',
  api_base: 'http://127.0.0.1:9/v1',
  api_key: 'sk-x',
});

test('a session has the rights of its key, and the audit log names the person', async (t) => {
  const daemon = await startDaemon(t);
  const { cookie, csrf_token, answer, ...who } = await signIn(daemon.url, daemon.adminKey);
  assert.match(
    String(answer.headers['set-cookie']?.[0]),
    /^llmproxy_session=[\w-]{43}; Max-Age=4(3200|3199); HttpOnly; SameSite=Strict$/,
  );
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(who.actor, 'admin:admin');
  assert.equal(who.role, 'admin');

  const api = `${daemon.url}/admin/v1`;
  const headers = { cookie, 'content-type': 'application/json', 'x-csrf-token': csrf_token };
  const seen = await ask(`${api}/session`, { headers: { cookie } });
  assert.equal(JSON.parse(seen.text).csrf_token, csrf_token);
  const created = await ask(`${api}/providers`, { method: 'POST', headers, body: provider });
  assert.equal(created.status, 201, created.text);
  const audit = await ask(`${api}/audit`, { headers: { cookie } });
  assert.equal(JSON.parse(audit.text).audit[0].actor, 'admin:admin');

  // Another site's page could make a browser send a cookie alone.
  for (const [name, more] of [
    ['no token', {}],
    ['a wrong token', { 'x-csrf-token': csrf_token.replace(/^./, 'x') }],
    ['another site', { 'x-csrf-token': csrf_token, 'sec-fetch-site': 'cross-site' }],
    ['a sibling site', { 'x-csrf-token': csrf_token, 'sec-fetch-site': 'same-site' }],
    ['an entered address', { 'x-csrf-token': csrf_token, 'sec-fetch-site': 'none' }],
  ] as const) {
    const refused = await ask(`${api}/providers/1`, {
      method: 'DELETE',
      headers: { cookie, ...more },
    });
    assert.equal(refused.status, 403, `${name}: ${refused.text}`);
  }
  const framed = { cookie, 'sec-fetch-site': 'cross-site' };
  assert.equal((await ask(`${api}/providers`, { headers: framed })).status, 403);
  const entered = { cookie, 'sec-fetch-site': 'none' };
  assert.equal((await ask(`${api}/providers`, { headers: entered })).status, 200);

  // The key in a header wins, and is judged alone.
  const wrong = { ...bearer('wrong'), cookie, 'x-csrf-token': csrf_token };
  assert.equal((await ask(`${api}/providers`, { headers: wrong })).status, 401);
  // A session signs in nobody else.
  assert.equal((await ask(`${api}/session`, { method: 'POST', headers })).status, 400);

  const out = await ask(`${api}/session`, { method: 'DELETE', headers });
  assert.equal(out.status, 204);
  assert.match(String(out.headers['set-cookie']?.[0]), /^llmproxy_session=; Max-Age=0;/);
  assert.equal((await ask(`${api}/session`, { headers: { cookie } })).status, 401);
});

test('sign-out everywhere ends the other sessions of the same person', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const [here, there] = [
    await signIn(daemon.url, daemon.adminKey),
    await signIn(daemon.url, daemon.adminKey),
  ];
  const headers = { cookie: here.cookie, 'x-csrf-token': here.csrf_token };
  const url = `${daemon.url}/admin/v1/session`;
  assert.equal((await ask(`${url}?everywhere=true`, { method: 'DELETE', headers })).status, 204);
  for (const { cookie } of [here, there]) {
    assert.equal((await ask(url, { headers: { cookie } })).status, 401);
  }
});

test('no body of somebody who is not signed in is read', async (t) => {
  const daemon = await startDaemon(t);
  const answer = await ask(`${daemon.url}/admin/v1/providers`, {
    method: 'POST',
    headers: {
      cookie: `llmproxy_session=${'x'.repeat(43)}`,
      'content-type': 'application/json',
      'content-length': '100000',
      expect: '100-continue',
    },
  });
  assert.equal(answer.status, 401);
});

test('wrong admin keys are slowed down, and a sign-in link works once', async (t) => {
  const daemon = await startDaemon(t);
  const url = `${daemon.url}/admin/v1/session`;
  const made = await daemon.cli(['console', '--json']);
  assert.equal(made.code, 0, made.stderr);
  const link = JSON.parse(made.stdout);
  assert.ok(link.url.startsWith(`${daemon.url}/console#sign-in=once-`), link.url);
  const code = link.url.split('#sign-in=')[1];
  // A code works for signing in and for nothing else.
  assert.equal((await ask(`${daemon.url}/admin/v1/status`, { headers: bearer(code) })).status, 401);
  const { actor, role } = await signIn(daemon.url, code);
  assert.deepEqual([actor, role], ['admin:admin', 'admin']);
  const again = await ask(url, { method: 'POST', headers: bearer(code) });
  assert.equal(again.status, 401);

  const statuses = new Set<number>();
  for (let i = 0; i < 12; i++) {
    const headers = bearer(`wrong-${i}`);
    statuses.add((await ask(url, { method: 'POST', headers })).status);
  }
  assert.deepEqual([...statuses], [401, 429]);
  await signIn(daemon.url, daemon.adminKey);
});

test('behind a trusted proxy with TLS the cookie is for TLS only', async (t) => {
  const daemon = await startDaemon(t, { settings: { server: { trusted_proxies: ['127.0.0.1'] } } });
  const url = `${daemon.url}/admin/v1/session`;
  const proxied = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };
  const headers = { ...bearer(daemon.adminKey), ...proxied };
  const answer = await ask(url, { method: 'POST', headers });
  assert.match(String(answer.headers['set-cookie']?.[0]), /^__Secure-llmproxy_session=.*; Secure$/);
  const cookie = cookieOf(answer);
  assert.equal((await ask(url, { headers: { cookie, ...proxied } })).status, 200);
  const plain = cookie.replace('__Secure-', '');
  assert.equal((await ask(url, { headers: { cookie: plain, ...proxied } })).status, 401);
});

test('an untrusted client cannot claim to come by TLS', async (t) => {
  const daemon = await startDaemon(t);
  const headers = {
    ...bearer(daemon.adminKey),
    'x-forwarded-proto': 'https',
    'x-llmproxy-scheme': 'https',
  };
  const answer = await ask(`${daemon.url}/admin/v1/session`, { method: 'POST', headers });
  assert.match(String(answer.headers['set-cookie']?.[0]), /^llmproxy_session=/);
});

test('the console can be switched off, and follows the admin API to its listener', async (t) => {
  const off = await startDaemon(t, { settings: { console: { enabled: false } } });
  for (const path of ['/console', '/console/main.js', '/admin/v1/sign-in']) {
    assert.equal((await ask(`${off.url}${path}`)).status, 404, path);
  }
  const key = { method: 'POST', headers: bearer(off.adminKey) };
  assert.equal((await ask(`${off.url}/admin/v1/session`, key)).status, 404);

  const listen = `127.0.0.1:${await freePort()}`;
  const own = await startDaemon(t, { env: { ADMIN_LISTEN: listen } });
  for (const path of ['/console', '/console/main.js', '/admin/v1/sign-in']) {
    assert.equal((await ask(`${own.url}${path}`)).status, 404, path);
    assert.equal((await ask(`http://${listen}${path}`)).status, 200, path);
  }
  const { cookie } = await signIn(`http://${listen}`, own.adminKey);
  const session = await ask(`http://${listen}/admin/v1/session`, { headers: { cookie } });
  assert.equal(session.status, 200);
  const { stdout } = await own.cli(['console'], { env: { ADMIN_LISTEN: listen } });
  assert.ok(stdout.startsWith(`http://${listen}/console#sign-in=once-`), stdout);
});

test('the files of the console are guarded, and nothing else is served as one', async (t) => {
  const daemon = await startDaemon(t);
  const page = await ask(`${daemon.url}/console`);
  assert.equal(page.status, 200);
  assert.match(page.text, /<script type="module" src="console\/main\.js">/);
  assert.doesNotMatch(page.text, /<script[^>]*>[^<]|style=|https?:/);
  for (const path of ['/console', '/console/main.js', '/console/main.css', '/console/icon.svg']) {
    const { status, headers } = await ask(`${daemon.url}${path}`);
    assert.equal(status, 200, path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-cache');
    const known = { headers: { 'if-none-match': String(headers.etag) } };
    assert.equal((await ask(`${daemon.url}${path}`, known)).status, 304);
  }
  for (const path of [
    '/console/',
    '/console/..%2fpackage.json',
    '/console/index',
    '/console/main.js/x',
    '/Console',
    '/console/main.js.map',
  ]) {
    const { status } = await ask(`${daemon.url}${path}`);
    assert.ok(status === 404 || status === 400, `${path}: ${status}`);
  }
});
