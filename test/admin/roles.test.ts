import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/admin/routes/index.js';
import { ask, bearer } from '../support/ask.js';
import { startDaemon } from '../support/daemon.js';

const roles = ['viewer', 'operator', 'admin'] as const;
const everyRole = [...roles, 'team:chat'] as const;
const keyOf = (role: string) => `the-secret-key-of-${role}`;

/** All that the role of one team may use: each of these keeps to the team. */
const ofTeam = [
  ...['listCredentials', 'createCredential', 'getCredential', 'updateCredential'],
  ...['rotateCredential', 'deleteCredential', 'listTeams', 'getUsage', 'listRequests'],
  ...['exportUsage', 'explainRequest', 'explainRequestById', 'listSpentBudgets'],
  ...['signIn', 'getSession', 'signOut', 'createSignInLink'],
];

/** Roles that may use an operation that changes something; all other operations only read. */
const changes: Readonly<Record<string, readonly string[]>> = {
  createProvider: ['operator', 'admin'],
  updateProvider: ['operator', 'admin'],
  patchProvider: ['operator', 'admin'],
  deleteProvider: ['operator', 'admin'],
  probeProvider: ['operator', 'admin'],
  reloadConfig: ['operator', 'admin'],
  applyConfig: ['operator', 'admin'],
  rollbackConfig: ['operator', 'admin'],
  planConfig: roles,
  signIn: roles,
  signOut: roles,
  createSignInLink: roles,
};

test('every admin route is refused to every role that may not use it, by key and by session', async (t) => {
  const settings = {
    admin: {
      keys: everyRole.map((role) => ({ name: `a-${role.slice(0, 4)}`, role, key: keyOf(role) })),
    },
  };
  const daemon = await startDaemon(t, { settings });
  const admin = routes.filter(({ path }) => path.startsWith('/admin/'));
  assert.ok(admin.length > 25);
  const refused: string[] = [];
  for (const route of admin) {
    const { method, path, operation, access } = route;
    const url = `${daemon.url}${path.replace(/\{\w+\}/g, '999999')}`;
    if (access === 'open') {
      assert.match(operation.operationId, /^(getSignIn|signInByOidc|finishSignInByOidc)$/);
      continue;
    }
    const anonymous = await ask(url, { method });
    assert.equal(anonymous.status, 401, `${method} ${path} without a key: ${anonymous.text}`);
    const isChange = method !== 'GET';
    const declared = route.readOnly
      ? roles
      : route.operators
        ? (['operator', 'admin'] as const)
        : ['admin'];
    const id = operation.operationId;
    const readers = route.adminsOnly ? ['admin'] : roles;
    const those: readonly string[] = isChange ? (changes[id] ?? declared) : readers;
    const may = ofTeam.includes(id) ? [...those, 'team:chat'] : those;
    for (const role of everyRole) {
      const { cookie, csrf } = await signIn(daemon.url, role);
      // A body that no route takes: nothing is changed by those who may.
      const body = isChange ? { body: '[]' } : {};
      // Watching events would not end.
      const signal = AbortSignal.timeout(20_000);
      const byKey = operation.operationId === 'followEvents';
      if (byKey) continue;
      for (const [way, headers] of [
        ['key', bearer(keyOf(role))],
        ['session', { cookie, 'x-csrf-token': csrf, 'content-type': 'application/json' }],
      ] as const) {
        const { status, text } = await ask(url, { method, headers, signal, ...body });
        const line = `${method} ${path} as ${role} by ${way}: ${status} ${text.slice(0, 200)}`;
        if (may.includes(role))
          assert.ok(status !== 401 || operation.operationId === 'signOut', line);
        else assert.equal(status, 403, line);
        if (may.includes(role) && status === 403) refused.push(line);
      }
    }
  }
  // Only a link is for those who hold a key.
  assert.ok(
    refused.every((line) => line.includes('/session/links') && line.includes('by session')),
    refused.join('\n'),
  );
  assert.equal((await daemon.sql`SELECT FROM providers`).length, 0);
  assert.equal((await daemon.sql`SELECT FROM credentials`).length, 0);
});

async function signIn(url: string, role: string): Promise<{ cookie: string; csrf: string }> {
  const headers = bearer(keyOf(role));
  const { headers: sent, text } = await ask(`${url}/admin/v1/session`, { method: 'POST', headers });
  const cookie = String(sent['set-cookie']?.[0]).split(';')[0] ?? '';
  return { cookie, csrf: JSON.parse(text).csrf_token };
}
