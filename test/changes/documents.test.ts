import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ChangeControl } from '../../src/changes/change-control.js';
import { applyPlan, showPlan } from '../../src/changes/documents.js';
import { resolveSettings } from '../../src/config/settings/settings.js';
import { openChangeControl } from '../../src/daemon/change-control.js';
import { testDatabase, testDirectory } from '../support/postgres.js';

const author = { actor: 'cli:test', isCommand: true, waits: false };
const how = { source: 'apply', message: null, baseVersion: undefined, byOperator: false } as const;
const secret = { api_base: 'http://127.0.0.1/v1', api_key: 'a-secret' };
const target = documentOf(`providers: {p: ${JSON.stringify(secret)}}\nteams: {red: {weight: 2}}`);

test('a plan that was shown is applied without being made again', async (t) => {
  const { control, sql, checks } = await openControl(t);
  const shown = await showPlan(control, author, target);
  const before = checks();
  assert.ok(before > 0);
  const applied = await applyPlan(control, author, target, how);
  assert.equal(checks(), before);
  assert.deepEqual(applied.changes, shown.described.changes);
  assert.equal(applied.version, shown.plan.base.version + 2);
  const rows = await sql`SELECT name, weight FROM teams`;
  assert.deepEqual([...rows], [{ name: 'red', weight: 2 }]);

  assert.equal((await applyPlan(control, author, target, how)).applied, false, 'it is taken once');
  assert.ok(checks() > before);
});

test('a plan is made again where anything that it was made of has changed', async (t) => {
  const { control, sql, checks, overrides } = await openControl(t);
  const weights = async () => (await sql`SELECT weight FROM teams`).map(({ weight }) => weight);

  await showPlan(control, author, target);
  await sql`INSERT INTO teams (name, weight) VALUES ('red', 7)`;
  const applied = await applyPlan(control, author, target, how);
  assert.deepEqual(
    applied.changes.map(({ kind, action }) => `${action} ${kind}`),
    ['create provider', 'update team'],
  );
  assert.deepEqual(await weights(), [2]);

  for (const other of [
    () => applyPlan(control, author, documentOf('teams: {red: {weight: 4}}'), how),
    () =>
      applyPlan(control, author, { ...documentOf('teams: {red: {weight: 3}}'), prune: true }, how),
    () =>
      applyPlan(
        control,
        { ...author, isCommand: false },
        documentOf('teams: {red: {weight: 3}}'),
        how,
      ),
  ]) {
    await showPlan(control, author, documentOf('teams: {red: {weight: 3}}'));
    const before = checks();
    await other();
    assert.ok(checks() > before);
    await sql`UPDATE teams SET weight = 9`;
  }

  // The provider of the override lacks its fields where the document's is gone.
  await showPlan(control, author, { document: 'providers: {}', prune: true });
  writeFileSync(join(overrides, 'a.yaml'), 'providers: {p: {weight: 3}}');
  await assert.rejects(
    applyPlan(control, author, { document: 'providers: {}', prune: true }, how),
    { code: 'invalid_configuration' },
  );
});

function documentOf(document: string) {
  return { document, prune: false };
}

/** With the number of times that it was looked whether a secret can be used, as each plan does. */
async function openControl(t: TestContext) {
  const { sql } = await testDatabase(t);
  const overrides = join(testDirectory(), 'overrides');
  mkdirSync(overrides);
  const { settings } = resolveSettings({}, '/');
  const place = { data_dir: testDirectory(), overrides_dir: overrides };
  const never: ChangeControl['reload'] = () => assert.fail('nothing is to be activated');
  const control = await openChangeControl({ ...settings, ...place }, sql, never, null);
  let count = 0;
  const { secrets } = control;
  const check = secrets.checkReadable.bind(secrets);
  secrets.checkReadable = (provider) => {
    count += 1;
    return check(provider);
  };
  return { control, sql, overrides, checks: () => count };
}
