import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import Provider from 'oidc-provider';
import { type Answered, ask } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';

const people: Readonly<Record<string, object>> = {
  ada: { email: 'ada@example.com', groups: ['staff', 'llm-admins'] },
  bob: { email: 'bob@example.com', groups: ['staff'] },
  tim: { email: 'tim@example.com', groups: ['staff', 'chat-leads'] },
  eve: { email: 'eve@example.com', groups: ['others', 'constructor'] },
  kim: { email: 'kim@example.com', groups: ['others'] },
  kim2: { email: 'kim@example.com', email_verified: false, groups: ['others'] },
  nobody: {},
};

/** An OpenID provider on loopback where whoever names himself is signed in. */
async function startProvider(t: TestContext, redirectUri: string): Promise<string> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'llmproxy',
        client_secret: 'the-secret-of-the-client',
        redirect_uris: [redirectUri],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a-key-for-cookies'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, ...people[sub] }),
    }),
  });
  const answer = provider.callback();
  const server = createServer(async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response);
    const { prompt, params } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      const login = { accountId: String(request.headers['x-person']) };
      return await provider.interactionFinished(request, response, { login });
    }
    const grant = new provider.Grant({ accountId: 'x', clientId: String(params.client_id) });
    const session = await provider.interactionDetails(request, response);
    grant.accountId = session.session?.accountId ?? '';
    grant.addOIDCScope('openid profile email');
    const consent = { grantId: await grant.save() };
    await provider.interactionFinished(request, response, { consent });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return issuer;
}

/** A minimal browser: follows redirects, keeps cookies by host and folder. */
class Browser {
  readonly #cookies = new Map<string, string>();
  readonly #person: string;

  constructor(person: string) {
    this.#person = person;
  }

  async visit(url: string): Promise<Answered> {
    const { host, pathname } = new URL(url);
    const cookies = [...this.#cookies]
      .filter(([name]) => name.startsWith(`${host} `))
      .map(([name, value]) => `${name.split(' ')[1]}=${value}`);
    const answer = await ask(url, {
      headers: { 'x-person': this.#person, cookie: cookies.join('; ') },
    });
    for (const cookie of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      this.#cookies.set(`${host} ${name}`, value);
    }
    assert.ok(pathname);
    return answer;
  }

  /** Follows redirects up to the console, and returns the address there. */
  async follow(start: string): Promise<{ end: string; steps: string[] }> {
    const steps: string[] = [];
    for (let url = start; steps.length < 12; ) {
      const { status, headers, text } = await this.visit(url);
      const next = headers.location;
      assert.ok(next !== undefined, `${url} answers ${status}: ${text}`);
      url = new URL(next, url).href;
      steps.push(url);
      if (url.includes('/console')) return { end: url, steps };
    }
    throw new Error(`too many redirects: ${steps.join(' ')}`);
  }

  cookieOf(host: string, name: string): string | undefined {
    return this.#cookies.get(`${host} ${name}`);
  }
}

async function start(t: TestContext): Promise<Daemon> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const issuer = await startProvider(t, `${url}/admin/v1/oidc-callback`);
  const daemon = await startDaemon(t, {
    port,
    settings: {
      console: {
        url,
        oidc: {
          issuer,
          client_id: 'llmproxy',
          client_secret: 'the-secret-of-the-client',
          roles: { staff: 'viewer', 'llm-admins': 'admin', 'chat-leads': 'team:chat' },
        },
      },
    },
  });
  daemon.secrets.add('the-secret-of-the-client');
  return daemon;
}

test('people sign in at an OpenID provider, with the role of their group and their own name', async (t) => {
  const daemon = await start(t);
  await daemon.sql`INSERT INTO teams (name, admins) VALUES ('sales', '["kim@example.com"]')`;
  await daemon.reload();
  const { host } = new URL(daemon.url);
  assert.equal(JSON.parse((await ask(`${daemon.url}/admin/v1/sign-in`)).text).oidc, true);
  for (const [person, actor, role, status] of [
    ['ada', 'oidc:ada@example.com', 'admin', 201],
    ['bob', 'oidc:bob@example.com', 'viewer', 403],
    // A role comes before another that only reads; its team does not exist yet.
    ['tim', 'oidc:tim@example.com', 'team:chat', 400],
    ['kim', 'oidc:kim@example.com', 'team:sales', 201],
  ] as const) {
    const browser = new Browser(person);
    const { end } = await browser.follow(`${daemon.url}/admin/v1/oidc`);
    assert.equal(end, `${daemon.url}/console#signed-in=yes`);
    const cookie = `llmproxy_session=${browser.cookieOf(host, 'llmproxy_session')}`;
    const { text } = await ask(`${daemon.url}/admin/v1/session`, { headers: { cookie } });
    const who = JSON.parse(text);
    assert.deepEqual([who.actor, who.role], [actor, role]);
    const made = await ask(`${daemon.url}/admin/v1/credentials`, {
      method: 'POST',
      headers: { cookie, 'x-csrf-token': who.csrf_token, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `of ${person}` }),
    });
    assert.equal(made.status, status, made.text);
  }
  const audit = await daemon.sql`SELECT actor, object FROM audit_log WHERE actor LIKE 'oidc:%'`;
  assert.deepEqual(
    [...audit],
    [
      { actor: 'oidc:ada@example.com', object: 'of ada' },
      { actor: 'oidc:kim@example.com', object: 'of kim' },
    ],
  );
  const [key] = await daemon.sql`SELECT team FROM credentials WHERE name = 'of kim'`;
  assert.equal(key?.team, 'sales');
});

test('nobody signs in without a role, in another browser, twice, or with a changed answer', async (t) => {
  const daemon = await start(t);
  const { host } = new URL(daemon.url);
  const failed = `${daemon.url}/console#sign-in-failed=`;
  await daemon.sql`INSERT INTO teams (name, admins) VALUES ('sales', '["kim@example.com"]')`;
  await daemon.reload();
  for (const person of ['eve', 'nobody', 'kim2']) {
    const browser = new Browser(person);
    const { end } = await browser.follow(`${daemon.url}/admin/v1/oidc`);
    assert.ok(end.startsWith(failed), end);
    assert.match(
      decodeURIComponent(end),
      /gives (eve@example\.com|kim@example\.com|nobody) no role here/,
    );
    assert.equal(browser.cookieOf(host, 'llmproxy_session'), undefined);
  }

  const ada = new Browser('ada');
  const { steps } = await ada.follow(`${daemon.url}/admin/v1/oidc`);
  const callback = steps.find((step) => step.includes('/oidc-callback')) ?? '';
  const others = new Browser('eve');
  for (const [name, browser, url] of [
    ['twice', ada, callback],
    ['another browser', others, callback],
    ['a forged state', others, callback.replace(/state=[^&]+/, 'state=forged')],
    ['no state', others, `${daemon.url}/admin/v1/oidc-callback`],
    ['an error', others, `${daemon.url}/admin/v1/oidc-callback?error=access_denied&state=x`],
  ] as const) {
    const { status, headers } = await browser.visit(url);
    assert.equal(status, 303, name);
    assert.match(String(headers.location), /^\.\.\/\.\.\/console#sign-in-failed=/, name);
    if (browser === others) {
      assert.equal(others.cookieOf(host, 'llmproxy_session'), undefined, name);
    }
  }

  const again = new Browser('ada');
  const begun = await again.visit(`${daemon.url}/admin/v1/oidc`);
  const state = new URL(String(begun.headers.location)).searchParams.get('state');
  const forged = `${daemon.url}/admin/v1/oidc-callback?code=forged&state=${state}`;
  const reasons: string[] = [];
  for (let i = 0; i < 11; i++) {
    const { headers } = await again.visit(forged);
    reasons.push(decodeURIComponent(String(headers.location)));
  }
  assert.match(reasons[0] ?? '', /refused the sign-in/);
  assert.equal(again.cookieOf(host, 'llmproxy_session'), undefined);
  assert.match(reasons.at(-1) ?? '', /Too many sign-ins/, 'the provider is not asked for ever');
});

test('sign-ins begun by others, however many, end nobody’s session', async (t) => {
  const daemon = await start(t);
  const ada = new Browser('ada');
  const begun = await ada.visit(`${daemon.url}/admin/v1/oidc`);
  for (let i = 0; i < 55; i++) {
    const group = Array.from({ length: 20 }, () => ask(`${daemon.url}/admin/v1/oidc`));
    for (const { status } of await Promise.all(group)) assert.equal(status, 302);
  }
  const { end } = await ada.follow(String(begun.headers.location));
  assert.equal(end, `${daemon.url}/console#signed-in=yes`);
});

test('a sign-in provider that is away is reported, and tried again', async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const daemon = await startDaemon(t, {
    port,
    settings: {
      console: {
        url,
        oidc: {
          issuer: `http://127.0.0.1:${await freePort()}`,
          client_id: 'x',
          roles: { a: 'admin' },
        },
      },
    },
  });
  for (let i = 0; i < 2; i++) {
    const { status, text } = await ask(`${daemon.url}/admin/v1/oidc`);
    assert.equal(status, 503);
    assert.match(text, /identity provider does not answer/);
  }
});
