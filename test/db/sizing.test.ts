import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../src/db/database.js';
import { sizingFor } from '../../src/db/embedded/sizing.js';
import { testDirectory } from '../support/postgres.js';

test('an embedded server is sized by its memory, within bounds', () => {
  const sizes = [
    [128, [32, 4_096, 64, 4, 1_024]],
    [64, [16, 4_096, 64, 4, 1_024]],
    [4_096, [1_024, 4_096, 256, 16, 4_096]],
    [16_000, [4_000, 12_000, 1_000, 62, 8_192]],
    [1_000_000, [16_384, 750_000, 1_024, 64, 8_192]],
  ] as const;
  const names = [
    'shared_buffers',
    'effective_cache_size',
    'maintenance_work_mem',
    'work_mem',
    'max_wal_size',
  ];
  for (const [memory, expected] of sizes) {
    const settings = names.map((name, place) => `${name}=${expected[place]}MB`);
    assert.deepEqual(sizingFor(memory, 1), settings);
    assert.deepEqual(sizingFor('machine', 2 * memory), settings);
  }
});

test('a server accepts the sizes, also on a machine of unknown memory', async (t) => {
  for (const memory of [200, 'machine'] as const) {
    const settings = sizingFor(memory);
    const dataDir = testDirectory();
    const database = await openDatabase({ dbUrl: null, dataDir, owner: 'daemon', settings });
    t.after(() => database.close());
    for (const setting of settings) {
      const [name, value] = setting.split('=');
      const [row] = await database.sql`
        SELECT pg_size_bytes(current_setting(${name ?? ''})) = pg_size_bytes(${value ?? ''}) AS same`;
      assert.equal(row?.same, true, setting);
    }
    await database.close();
  }
});
