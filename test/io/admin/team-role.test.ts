import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const lead = 'the-secret-key-of-the-lead';

interface Row {
  id: number;
  name: string;
  team: string | null;
}

test('a team’s role sees and manages that team, and does not learn that others exist', async (t) => {
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: { admin: { keys: [{ name: 'lead', role: 'team:chat', key: lead }] } },
  });
  daemon.secrets.add(lead);
  const as = async (key: string, method: string, path: string, body?: object) => {
    const url = `${daemon.url}/admin/v1${path}`;
    const text = body && { body: JSON.stringify(body) };
    const answered = await ask(url, { method, headers: bearer(key), ...text });
    return { status: answered.status, body: answered.text ? JSON.parse(answered.text) : null };
  };
  const made = async (path: string, body: object) => {
    const answered = await as(daemon.adminKey, 'POST', `${path}?wait=active`, body);
    assert.equal(answered.status, 201, JSON.stringify(answered.body));
    return answered.body;
  };
  await daemon.addProvider('a', { api_base: upstream.url });
  for (const name of ['chat', 'chatter']) await made('/teams', { name });
  const key = async (name: string, team: string | null) =>
    (await made('/credentials', { name, team })).credential as Row & { key: string };
  const others = [await key('batch', 'chatter'), await key('free', null)];
  await made('/budgets', {
    ...{ name: 'of-chatter', amount: 1, mode: 'soft', window: 'day' },
    applies_to: { team: 'chatter' },
  });
  await made('/budgets', {
    ...{ name: 'of-chat', amount: 5, mode: 'soft', window: 'day' },
    applies_to: { team: 'chat' },
  });

  // The lead's keys belong to the team, whether named or not.
  const first = await as(lead, 'POST', '/credentials?wait=active', { name: 'ann' });
  assert.equal(first.status, 201, JSON.stringify(first.body));
  const ann = first.body.credential as Row & { key: string };
  assert.equal(ann.team, 'chat');
  const second = await as(lead, 'POST', '/credentials', { name: 'bob', team: 'chat' });
  assert.equal(second.status, 201);
  for (const team of ['chatter', null]) {
    const refused = await as(lead, 'POST', '/credentials', { name: 'eve', team });
    assert.deepEqual([refused.status, refused.body.error.param], [403, 'team']);
    const moved = await as(lead, 'PUT', `/credentials/${ann.id}`, { team });
    assert.equal(moved.status, 403, 'a key that leaves the team would leave its limits');
  }
  for (const [name, id] of [
    ['ann', ` (id ${ann.id})`],
    ['batch', ''],
  ] as const) {
    const taken = await as(lead, 'POST', '/credentials', { name });
    const { message } = taken.body.error;
    assert.deepEqual([taken.status, message], [409, `Another key is named "${name}"${id}.`]);
  }
  const found = await as(lead, 'POST', '/credentials', { name: 'eve', key: others[0]?.key });
  const { message } = found.body.error;
  assert.deepEqual([found.status, message], [409, 'Another one has this key already.']);
  const listed = await as(lead, 'GET', '/credentials');
  assert.deepEqual(
    listed.body.credentials.map(({ name }: Row) => name),
    ['ann', 'bob'],
  );
  assert.equal((await as(lead, 'GET', '/credentials?team=chatter')).status, 403);
  const twice = await as(lead, 'GET', '/credentials?team=chat&team=chatter');
  assert.deepEqual([twice.status, twice.body.error.param], [400, 'team']);
  assert.equal((await as(lead, 'PUT', `/credentials/${ann.id}`, { rate_limit: 50 })).status, 200);
  for (const { id } of others) {
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PUT', '', { rate_limit: 1 }],
      ['PUT', '', { team: 'chat' }],
      ['POST', '/rotate', {}],
      ['DELETE', '', undefined],
    ] as const) {
      const { status, body: answer } = await as(lead, method, `/credentials/${id}${path}`, body);
      const message = `There is no credential with id ${id}.`;
      assert.deepEqual([status, answer.error.message], [404, message], `${method} ${path}`);
    }
  }
  assert.equal((await daemon.sql`SELECT FROM credentials WHERE team IS NULL`).length, 1);

  for (const { key: each } of [ann, ...others]) {
    assert.equal((await askChat(daemon.url, each, 'm')).status, 200);
  }
  await until('the rows', async () => (await daemon.sql`SELECT FROM request_logs`).length === 3);
  const requestsOf = async (caller: string) =>
    (await as(caller, 'GET', '/requests')).body.requests as {
      request_id: string;
      credential_name: string;
    }[];
  const all = await requestsOf(daemon.adminKey);
  assert.equal(all.length, 3);
  const own = await requestsOf(lead);
  assert.deepEqual(
    own.map(({ credential_name }) => credential_name),
    ['ann'],
  );
  for (const path of ['/usage?by=key', '/usage?by=key,model', '/usage?by=team', '/usage']) {
    // The same question of both: a report that is remembered is not shared.
    const [everything, theirs] = [
      await as(daemon.adminKey, 'GET', path),
      await as(lead, 'GET', path),
    ];
    assert.deepEqual([everything.body.total.requests, theirs.body.total.requests], [3, 1], path);
  }
  for (const path of ['/usage?team=chatter', '/usage?team=*', '/requests?team=chat*']) {
    assert.equal((await as(lead, 'GET', path)).status, 403, path);
  }
  assert.equal((await as(lead, 'GET', '/usage?team=chat&key=batch')).body.total.requests, 0);
  for (const { request_id: id, credential_name: name } of all) {
    for (const path of [`/explain/${id}`, `/requests/explanation?request_id=${id}`]) {
      const { status, body } = await as(lead, 'GET', path);
      assert.equal(status, name === 'ann' ? 200 : 404, JSON.stringify(body));
    }
  }
  const teams = await as(lead, 'GET', '/teams?name=chatter');
  assert.deepEqual(
    teams.body.teams.map(({ name }: Row) => name),
    ['chat'],
  );
  const budgets = await as(lead, 'GET', '/spend/budgets');
  assert.deepEqual(
    budgets.body.budgets.map(({ name }: Row) => name),
    ['of-chat'],
  );
  assert.equal(budgets.body.total, 1);
  const cheapest = await daemon.cli([
    'budgets',
    'list',
    '--sort',
    'name',
    '--limit',
    '1',
    '--json',
  ]);
  const sorted = await as(daemon.adminKey, 'GET', '/spend/budgets?sort=name&limit=1');
  assert.deepEqual(
    JSON.parse(cheapest.stdout).map(({ name }: Row) => name),
    sorted.body.budgets.map(({ name }: Row) => name),
  );
  for (const path of [
    '/providers',
    '/audit',
    '/status',
    '/events',
    '/config/settings',
    '/models',
  ]) {
    const { status, body } = await as(lead, 'GET', path);
    assert.equal(status, 403, path);
    assert.equal(body.error.message, 'admin:lead may use the team "chat" only.');
  }
  const told = async (key: string) => {
    const headers = { ...bearer(key), 'x-forwarded-for': '203.0.113.1' };
    return Object.keys(JSON.parse((await ask(`${daemon.url}/health`, { headers })).text));
  };
  assert.deepEqual(await told(lead), ['status'], 'providers are not its team’s');
  assert.ok((await told(daemon.adminKey)).includes('providers'));
  for (const path of ['/metrics', '/health/detailed']) {
    const headers = { ...bearer(lead), 'x-forwarded-for': '203.0.113.1' };
    const { text } = await ask(`${daemon.url}${path}`, { headers });
    assert.ok(!text.includes('chatter'), path);
  }
  const session = await as(lead, 'GET', '/session');
  assert.deepEqual([session.body.role, session.body.team], ['team:chat', 'chat']);
  assert.equal((await as(lead, 'DELETE', `/credentials/${ann.id}`)).status, 204);
});
