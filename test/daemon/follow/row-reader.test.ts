import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, Credential } from '../../../src/config/configuration.js';
import { generateSecretKey, sealBytes } from '../../../src/config/secrets/secret-cipher.js';
import { LastGood } from '../../../src/daemon/follow/last-good.js';
import { RowReader } from '../../../src/daemon/follow/row-reader.js';
import { differenceOf } from '../../../src/daemon/follow/rows-difference.js';
import type { RowChanges } from '../../../src/db/queries/configuration/read-configuration.js';
import { configuration, provider } from '../../config/configuration-for-test.js';
import { testDirectory } from '../../support/postgres.js';

function key(id: number, name = `key ${id}`): Credential {
  return {
    id,
    credential_key: String(id).padStart(64, '0'),
    name,
    allowed_models: null,
    rate_limit: null,
    is_enabled: true,
    key_preview: 'sk-…',
  };
}

function keys(...ids: number[]): Configuration {
  return configuration(
    [provider('a')],
    ids.map((id) => key(id)),
  );
}

function changes(entry: number, ids: number[], credentials: Credential[]): RowChanges {
  return { position: { version: entry, entry }, ids, credentials, others: null };
}

test('only rows that changed are read, and the others stay the same objects', async () => {
  const all = keys(1, 3, 5);
  let reads = 0;
  let next: RowChanges | null = null;
  const reader = new RowReader({
    readAll: async () => {
      reads += 1;
      return { rows: all, position: { version: 1, entry: 1 } };
    },
    readChanges: async () => next,
    onDifference: () => assert.fail('there is none'),
  });
  assert.equal((await reader.read(false)).change, null);
  next = changes(2, [2, 3, 5, 7], [key(2), key(3, 'renamed'), key(7)]);
  const { rows, change } = await reader.read(false);
  assert.deepEqual(
    rows.credentials.map(({ id, name }) => [id, name]),
    [
      [1, 'key 1'],
      [2, 'key 2'],
      [3, 'renamed'],
      [7, 'key 7'],
    ],
  );
  assert.equal(rows.version, 2);
  assert.equal(rows.credentials[0], all.credentials[0]);
  assert.equal(rows.providers, all.providers);
  assert.deepEqual(
    [change?.removed.map(({ id }) => id), change?.added.map(({ id }) => id), change?.hasOthers],
    [[3, 5], [2, 3, 7], false],
  );
  assert.equal(reads, 1);
  next = null;
  await reader.read(false);
  assert.equal(reads, 2);
});

test('a full read that differs from the sum of the changes is reported', async () => {
  let told = 0;
  let all = keys(1, 2);
  const reader = new RowReader({
    readAll: async () => ({ rows: all, position: { version: 1, entry: 1 } }),
    readChanges: async () => changes(1, [], []),
    onDifference: () => {
      told += 1;
    },
  });
  await reader.read(false);
  await reader.read(true);
  assert.equal(told, 0);
  all = keys(1, 2, 3);
  assert.equal((await reader.read(true)).rows, all);
  assert.equal(told, 1);
});

test('a change is kept in a log next to the file, and both are read', async () => {
  const folder = testDirectory();
  const ring = [generateSecretKey()];
  const kept = new LastGood(folder, () => ring);
  const first = keys(1, 2, 3);
  await kept.save(first);
  const file = readFileSync(join(folder, 'last-good'));
  const [one, , three] = first.credentials as [Credential, Credential, Credential];
  const second = { ...first, version: 9, credentials: [one, key(3, 'renamed'), key(4)] };
  await kept.save(second);
  assert.deepEqual(readFileSync(join(folder, 'last-good')), file);
  assert.doesNotMatch(readFileSync(join(folder, 'last-good.log'), 'utf8'), /renamed/);
  assert.deepEqual(await new LastGood(folder, () => ring).load(), second);
  const third = { ...second, providers: [provider('b')], credentials: [one, three] };
  await kept.save(third);
  assert.deepEqual(await new LastGood(folder, () => ring).load(), third);
  await kept.close();
  assert.equal(existsSync(join(folder, 'last-good.log')), false);
  assert.deepEqual(await new LastGood(folder, () => ring).load(), third);
});

test('many rows are kept in pieces, between which the process does other work', async () => {
  const folder = testDirectory();
  const ring = [generateSecretKey()];
  const kept = new LastGood(folder, () => ring);
  const ids = Array.from({ length: 10_001 }, (_, n) => n);
  const rows: Configuration = { ...keys(...ids), budgets: [] };
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  await kept.save(rows);
  clearInterval(counting);
  assert.ok(turns >= 5, `${turns} turns`);
  const loaded = await new LastGood(folder, () => ring).load();
  assert.ok(isDeepStrictEqual(loaded, rows), `${loaded?.credentials.length} keys`);
});

test('the changes that an earlier version has logged are read', async () => {
  const folder = testDirectory();
  const sealer = generateSecretKey();
  const ring = [sealer];
  const first = keys(1);
  await new LastGood(folder, () => ring).save(first);
  const base = hash('sha256', readFileSync(join(folder, 'last-good')));
  const difference = differenceOf(first, keys(1, 2));
  const entry = Buffer.from(JSON.stringify({ base, difference }));
  const line = sealBytes(entry, sealer, Buffer.from('llmproxy last-good 1')).toString('base64');
  writeFileSync(join(folder, 'last-good.log'), `${line}\n`);
  assert.deepEqual(await new LastGood(folder, () => ring).load(), keys(1, 2));
});

test('a known change is kept only on top of the rows that it belongs to', async () => {
  const folder = testDirectory();
  const ring = [generateSecretKey()];
  const kept = new LastGood(folder, () => ring);
  const first = keys(1);
  await kept.save(first);
  // Too many for the log: they are written as a whole later.
  const second = keys(...Array.from({ length: 1_500 }, (_, n) => n + 1));
  await kept.save(second);
  const last = key(9_000);
  const third = { ...second, credentials: [...second.credentials, last] };
  await kept.save(third, { removed: [], added: [last] });
  assert.deepEqual(await new LastGood(folder, () => ring).load(), first);
  await kept.close();
  assert.deepEqual(await new LastGood(folder, () => ring).load(), third);
});

test('rows of other tables that have not changed stay the same objects', async () => {
  const before = configuration([provider('a'), provider('b')]);
  const others = { providers: [provider('a'), provider('b', { weight: 2 })] };
  const reader = new RowReader({
    readAll: async () => ({ rows: before, position: { version: 1, entry: 1 } }),
    readChanges: async () => ({ ...changes(2, [], []), others }),
    onDifference: () => assert.fail('there is none'),
  });
  await reader.read(false);
  const { rows } = await reader.read(false);
  assert.deepEqual(rows.providers, others.providers);
  assert.equal(rows.providers[0], before.providers[0]);
});
