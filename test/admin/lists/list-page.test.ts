import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { listAnswer } from '../../../src/admin/lists/list-page.js';
import type { Page } from '../../../src/db/queries/rows.js';
import { turnsDuring } from '../../support/turns-during.js';

/** Rows as the database has them, by id or sorted by their number the other way round. */
const rows = Array.from({ length: 21_500 }, (_, index) => ({ id: index + 1 }));

async function listed(page: Page): Promise<{ ids: number[]; parts: number }> {
  let parts = 0;
  const read = async ({ limit, offset, after = 0, sort }: Page) => {
    parts++;
    const all = sort === undefined ? rows : rows.toReversed();
    return all.filter(({ id }) => id > after).slice(offset, offset + limit);
  };
  const { body } = await listAnswer({ version: 7, name: 'rows', page }, read, (row) => row);
  let text = '';
  if (body instanceof Readable) for await (const piece of body) text += piece;
  const { version, rows: found } = text === '' ? (body as Answer) : (JSON.parse(text) as Answer);
  assert.equal(version, 7);
  return { ids: found.map(({ id }) => id), parts };
}

test('others have their turn while a long list is written', async () => {
  const many = rows.slice(0, 10_000);
  for (const [count, least] of [
    [10_000, 15],
    [1_000, 1],
  ] as const) {
    const read = async () => many.slice(0, count);
    const page = { limit: count, offset: 0, sort: '-id' };
    const { body } = await listAnswer({ version: 7, name: 'rows', page }, read, (row) => row);
    assert.ok(body instanceof Readable);
    assert.ok((await turnsDuring(body.toArray())) >= least, `${count} rows`);
  }
});

interface Answer {
  version: number;
  rows: { id: number }[];
}

test('a long list has every row once, in its order, whatever the parts it is read in', async () => {
  const ids = rows.map(({ id }) => id);
  const everything = { limit: Number.MAX_SAFE_INTEGER, offset: 0 };
  assert.deepEqual(await listed(everything), { ids, parts: 22 });
  const sorted = await listed({ ...everything, sort: '-id' });
  assert.deepEqual(sorted, { ids: ids.toReversed(), parts: 3 });
  const part = await listed({ limit: 12_000, offset: 300, sort: '-id' });
  assert.deepEqual(part.ids, ids.toReversed().slice(300, 12_300));
  assert.deepEqual((await listed({ limit: 1_200, offset: 5 })).ids, ids.slice(5, 1_205));
  assert.deepEqual((await listed({ limit: 2, offset: 0, sort: '-id' })).ids, [21_500, 21_499]);
});
