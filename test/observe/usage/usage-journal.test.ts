import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recoverJournals, UsageJournal } from '../../../src/observe/usage/usage-journal.js';
import { UsageQueue } from '../../../src/observe/usage/usage-queue.js';
import type { UsageRow } from '../../../src/observe/usage/usage-row.js';
import { UsageSpool } from '../../../src/observe/usage/usage-spool.js';
import { logRow } from '../../support/usage-row.js';

const nobody: (owner: string) => boolean = () => false;

async function open(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'llmproxy-journal-'));
  t.after(() => rm(dir, { recursive: true }));
  const recovered = async (isAlive = nobody, maxBytes = 1e9): Promise<UsageRow[]> => {
    const spool = await UsageSpool.open(dir, maxBytes);
    await recoverJournals(dir, spool, isAlive);
    const rows: UsageRow[] = [];
    for (let batch = await spool.take(); batch; batch = await spool.take()) {
      rows.push(...batch.rows);
      await spool.remove(batch.name);
    }
    return rows;
  };
  return { dir, journal: new UsageJournal(dir, '7-1'), recovered };
}

test('rows of a process that was killed go to the spool, those that were settled do not', async (t) => {
  const { dir, journal, recovered } = await open(t);
  const rows = [logRow({ tags: ['a'] }), logRow({ team: 't' }), logRow(), logRow()];
  for (const row of rows.slice(0, 3)) journal.add(row);
  await journal.close();
  journal.add(rows[3] as UsageRow);
  await journal.close();
  assert.equal((await readdir(dir)).length, 1);
  assert.deepEqual(await recovered((owner) => owner === '7-1'), [], 'it is alive');
  assert.deepEqual(await recovered(), rows);
  assert.deepEqual(await readdir(dir), []);

  const other = new UsageJournal(dir, '8-2');
  for (const row of rows) other.add(row);
  other.settle(rows.slice(0, 3));
  await other.close();
  assert.equal((await readdir(dir)).length, 1, 'one of its rows waits');
  other.settle([...rows, logRow()]);
  await other.close();
  assert.deepEqual(await readdir(dir), []);
});

test('a file of many rows is closed, and removed when they are settled', async (t) => {
  const { dir, journal, recovered } = await open(t);
  const rows = Array.from({ length: 10_001 }, () => logRow());
  for (const row of rows) journal.add(row);
  await journal.close();
  assert.equal((await readdir(dir)).length, 2);
  journal.settle(rows.slice(0, 10_000));
  journal.add(rows[0] as UsageRow);
  await journal.close();
  assert.deepEqual(await readdir(dir), ['journal-7-1-2.jsonl']);
  assert.deepEqual(await recovered(), [rows[10_000], rows[0]]);
});

test('bodies are not written, and a row that was cut by the end is left out', async (t) => {
  const { dir, journal, recovered } = await open(t);
  const row = logRow({ request_body: 'a secret', response_body: 'another' });
  journal.add(row);
  await journal.close();
  const path = join(dir, 'journal-7-1-1.jsonl');
  assert.doesNotMatch(await readFile(path, 'utf8'), /secret|another/);
  await appendFile(path, '[["cut of');
  const note = '…[not stored: too much waited]';
  assert.deepEqual(await recovered(), [{ ...row, request_body: note, response_body: note }]);
  await writeFile(path, '');
  assert.deepEqual(await recovered(), [], 'nothing was written yet');
});

test('what has no room in the spool stays in its journal', async (t) => {
  const { dir, journal, recovered } = await open(t);
  journal.add(logRow());
  await journal.close();
  assert.deepEqual(await recovered(nobody, 10), []);
  assert.equal((await readdir(dir)).length, 1);
});

test('the journal of a queue has a row until it is stored, refused or in the spool', async (t) => {
  const { dir, journal, recovered } = await open(t);
  let store = () => {};
  const stored = new Promise<void>((resolve) => {
    store = resolve;
  });
  const queue = new UsageQueue({
    insert: async (rows) => {
      await stored;
      if (rows.some(({ request_id }) => request_id === 'refused')) throw new Error('refused');
    },
    isRefusal: () => true,
    maxRows: 100,
    spool: null,
    journal,
  });
  const row = logRow();
  queue.add(row);
  queue.add(logRow({ request_id: 'refused' }));
  await journal.close();
  assert.equal((await readdir(dir)).length, 1);
  store();
  await queue.close(5_000);
  assert.deepEqual(await readdir(dir), []);

  const spool = await UsageSpool.open(dir, 1e9);
  const failing = new UsageQueue({
    insert: () => Promise.reject(new Error('away')),
    ...{ isRefusal: nobody, maxRows: 100, spool, journal: new UsageJournal(dir, '8-1') },
  });
  failing.add(row);
  await failing.close(1_000);
  assert.equal((await readdir(dir)).length, 1);
  assert.deepEqual(await recovered(), [row], 'once, from the spool');
});

test('rows are stored where the journal cannot be written', async (t) => {
  const { dir } = await open(t);
  const stored: UsageRow[] = [];
  const queue = new UsageQueue({
    insert: async (rows) => void stored.push(...rows),
    ...{ isRefusal: nobody, maxRows: 100, spool: null },
    journal: new UsageJournal(join(dir, 'missing'), '7-1'),
  });
  const rows = [logRow(), logRow()];
  for (const row of rows) queue.add(row);
  await queue.close(5_000);
  assert.deepEqual(stored, rows);
});
