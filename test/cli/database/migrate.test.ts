import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, withOwnDatabase } from '../llmproxy.js';

test('migrations are undone, listed and applied again', async (t) => {
  const { run } = await withOwnDatabase(t);
  const migrations = await json(run(['migrate', 'status', '--json']));
  assert.ok(migrations.length > 0);
  const [first] = migrations;
  assert.deepEqual(Object.keys(first), ['version', 'name', 'applied_at']);
  assert.ok(first.applied_at !== null);

  const steps = ['migrate', 'down', '--steps', String(migrations.length)];
  const unconfirmed = await run(steps);
  assert.equal(unconfirmed.code, 2);
  assert.match(unconfirmed.stderr, /0001 init.* needs confirmation\n.*--yes/);
  const all = [...steps, '--yes'];
  const { undone } = await json(run([...all, '--json']));
  assert.equal(undone.length, migrations.length);
  assert.equal((await run(all)).stdout, 'nothing to undo: no migration is applied\n');

  const status = await run(['migrate', 'status']);
  assert.match(status.stdout, /^VERSION {2}NAME +APPLIED\n0001 +init +pending\n/);

  const up = await run(['migrate', 'up']);
  assert.match(up.stdout, /^applied 0001 init\n/);
  assert.deepEqual(await json(run(['migrate', 'up', '--json'])), { applied: [] });
  assert.match((await run(['migrate', 'up'])).stdout, /^nothing to apply/);
});

test('missing tables in an external Postgres are an error and are not created', async (t) => {
  const { run } = await withOwnDatabase(t);
  await json(run(['migrate', 'down', '--steps', '1000', '--yes', '--json']));
  const { code, stderr } = await run(['keys', 'list']);
  assert.equal(code, 1);
  assert.match(stderr, /^error: the database lacks \d+ migrations\nrun: llmproxy migrate up\n$/);
  const [first] = await json(run(['migrate', 'status', '--json']));
  assert.equal(first.applied_at, null);
});
