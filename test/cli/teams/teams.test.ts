import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { json, usage, withOwnDatabase } from '../llmproxy.js';

test('a team is created, shown, changed, renamed with its keys, and deleted', async (t) => {
  const { run } = await withOwnDatabase(t);
  const created = await json(
    run([
      ...['teams', 'create', 'chat', '--json', '--models', 'gpt-4o*,o3', '--weight', '3'],
      ...['--tag', 'a', '--admin', 'alice@example.com', '--tokens-per-minute', '1000'],
      ...['--max-concurrency', '8', '--model-limit', 'gpt-4*:requests_per_day=5'],
    ]),
  );
  const { id, created_at, updated_at, ...fields } = created;
  const limits = {
    tokens_per_minute: 1000,
    max_concurrency: 8,
    models: { 'gpt-4*': { requests_per_day: 5 } },
  };
  assert.deepEqual(fields, {
    name: 'chat',
    allowed_models: ['gpt-4o*', 'o3'],
    limits,
    weight: 3,
    tags: ['a'],
    admins: ['alice@example.com'],
    cache: null,
    keys: 0,
  });
  const twice = await run(['team', 'add', 'chat']);
  assert.deepEqual(
    [twice.code, twice.stderr],
    [1, 'error: team "chat" exists already\nchange it with: llmproxy teams update chat\n'],
  );
  const key = await json(run(['keys', 'create', 'web', '--team', 'chat', '--json']));
  assert.deepEqual([key.team, key.limits, key.weight, key.priority], ['chat', {}, 1, 0]);
  await json(run(['keys', 'create', 'other', '--json']));
  const members = await json(run(['keys', 'list', '--team', 'chat', '--json']));
  assert.deepEqual(
    members.map(({ name }: { name: string }) => name),
    ['web'],
  );

  const args = ['--requests-per-minute', '60', '--max-concurrency', 'none'];
  const more = ['--model-limit', 'gpt-4*:requests-per-day=none', '--name', 'support'];
  const changed = await json(run(['teams', 'update', 'chat', ...args, ...more, '--json']));
  assert.deepEqual(changed.limits, { tokens_per_minute: 1000, requests_per_minute: 60 });
  assert.deepEqual([changed.id, changed.name, changed.keys], [id, 'support', 1]);
  assert.equal((await json(run(['keys', 'show', 'web', '--json']))).team, 'support');

  const shown = await run(['teams', 'show', String(id)]);
  assert.match(shown.stdout, /limits +60 requests per minute, 1000 tokens per minute/);
  const listed = await run(['teams', 'list']);
  assert.match(listed.stdout, /support/);
  await json(run(['teams', 'create', 'Zoo', '--json']));
  const sorted = await json(run(['teams', 'list', '--sort', '-name', '--json']));
  assert.deepEqual(
    sorted.map(({ name }: { name: string }) => name),
    ['Zoo', 'support'],
  );
  await json(run(['teams', 'delete', 'Zoo', '--yes', '--json']));

  const refused = await run(['teams', 'delete', 'support', '--yes']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /1 key belongs to the team "support"/);
  await json(run(['keys', 'update', 'web', '--team', 'none', '--priority', '-5', '--json']));
  await json(run(['teams', 'delete', 'support', '--yes', '--json']));
  assert.deepEqual(await json(run(['teams', 'list', '--json'])), []);

  const audit = await json(run(['audit', 'list', '--object', 'support', '--json']));
  assert.deepEqual(
    audit.map((entry: { action: string; kind: string }) => `${entry.action} ${entry.kind}`),
    ['delete team', 'update team'],
  );
});

test('a wrong team or limit is refused by name', async (t) => {
  const { run } = await withOwnDatabase(t);
  await json(run(['teams', 'create', 'chat', '--json']));
  for (const [args, said] of [
    [['teams', 'create', 'chat'], /team "chat" exists already/],
    [['teams', 'show', 'nobody'], /there is no team "nobody"/],
    [['keys', 'create', 'web', '--team', 'nobody'], /^error: there is no team "nobody"\n$/],
    [
      ['keys', 'create', 'web', '--team', 'chta'],
      /^error: there is no team "chta"; did you mean "chat"\?\n$/,
    ],
  ] as const) {
    const { code, stderr } = await run([...args]);
    assert.equal(code, 1);
    assert.match(stderr, said);
  }
  assert.deepEqual(await json(run(['keys', 'list', '--json'])), []);
  await usage(['teams', 'create', '17'], /would be taken for an id/);
  await usage(['teams', 'create', 'none'], /"none"/);
  await usage(['teams', 'create', 'x', '--tokens-per-day', '0'], /--tokens-per-day/);
  await usage(['teams', 'create', 'x', '--model-limit', 'gpt'], /--model-limit: "gpt"/);
  await usage(['teams', 'create', 'x', '--model-limit', 'm:tokens=1'], /--model-limit/);
  await usage(['keys', 'create', 'x', '--priority', '1.5'], /--priority/);
  await usage(['keys', 'create', 'x', '--weight', '0'], /--weight/);
});

test('documents plan, apply, export and roll back teams with their keys', async (t) => {
  const { run, dataDir } = await withOwnDatabase(t);
  const file = join(dataDir, 'doc.yaml');
  const write = (text: string) => writeFileSync(file, text);
  const hash = 'a'.repeat(64);
  write(`teams: {chat: {tags: [x]}, batch: {}}
credentials: {web: {credential_key: ${hash}, team: chat}}`);
  const plan = await json(run(['config', 'plan', file, '--json']));
  assert.deepEqual(
    plan.changes.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`),
    ['team batch', 'team chat', 'key web'],
  );
  assert.equal((await run(['config', 'apply', file, '--yes'])).code, 0);
  const exported = await run(['config', 'export']);
  assert.match(exported.stdout, /teams:\n {2}batch:\n/);
  assert.match(exported.stdout, / {4}team: chat\n/);
  const { version } = await json(run(['config', 'plan', file, '--json']));

  write('teams: {chat: {}}\ncredentials: {web: {team: nobody}}');
  const wrong = await run(['config', 'plan', file]);
  assert.match(wrong.stderr, /credentials\.web\.team: there is no team "nobody"/);
  write('teams: {batch: {}}');
  const pruned = await run(['config', 'plan', file, '--prune']);
  assert.match(pruned.stderr, /there is no team "chat"/);
  write('teams: {"17": {}}');
  assert.match((await run(['config', 'validate', file])).stderr, /"17" is not a possible name/);

  // The key moves, and its old team goes, in one plan.
  write('teams: {batch: {}}\ncredentials: {web: {team: batch}}');
  assert.equal((await run(['config', 'apply', file, '--prune', '--yes'])).code, 0);
  assert.equal((await json(run(['keys', 'show', 'web', '--json']))).team, 'batch');
  assert.equal((await run(['config', 'rollback', String(version), '--yes'])).code, 0);
  assert.equal((await json(run(['keys', 'show', 'web', '--json']))).team, 'chat');
  assert.deepEqual((await json(run(['teams', 'show', 'chat', '--json']))).tags, ['x']);
  const history = await run(['config', 'history']);
  assert.match(history.stdout, /added teams batch, chat/);
});
