import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openResources } from '../../../src/daemon/follow/resources.js';
import {
  deleteOldResponses,
  findResources,
  insertResources,
} from '../../../src/db/queries/fleet/resources.js';
import { testDatabase } from '../../support/postgres.js';

const row = (id: string, owner = 'a') => ({ id, provider: 'p', owner });

test('an id keeps its owner, and old responses are forgotten', async (t) => {
  const { sql } = await testDatabase(t);
  await insertResources(sql, [row('resp_1'), row('resp_old'), row('file-old'), row('respx')]);
  await insertResources(sql, [row('resp_1', 'b'), row('resp_2', 'b')]);
  const ids = ['resp_1', 'resp_2', 'never'];
  const found = await findResources(sql, ids);
  assert.deepEqual(found.map(({ id, owner }) => `${id} ${owner}`).sort(), ['resp_1 a', 'resp_2 b']);
  await sql`UPDATE resources SET created_at = now() - interval '32 days'
    WHERE id IN ('resp_old', 'file-old', 'respx')`;
  await deleteOldResponses(sql, 31);
  const left = await findResources(sql, ['resp_1', 'resp_old', 'file-old', 'respx']);
  assert.deepEqual(left.map(({ id }) => id).sort(), ['file-old', 'resp_1', 'respx']);
});

test('a new resource is known at once, stored soon, and kept while the database is away', async (t) => {
  const { sql } = await testDatabase(t);
  let isAway = true;
  const database = {
    get sql() {
      if (isAway) throw new Error('away');
      return sql;
    },
  };
  const resources = openResources(database);
  resources.made(row('file-1'));
  assert.deepEqual(await resources.find(['file-1']), [row('file-1')]);
  await assert.rejects(resources.find(['file-1', 'file-2']), /away/);
  isAway = false;
  await resources.close();
  const after = openResources(database);
  assert.deepEqual(await after.find(['file-2', 'file-1']), [null, row('file-1')]);
  await after.close();
});
