import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasLongList, jsonText } from '../../../src/admin/server/json-text.js';
import { turnsDuring } from '../../support/turns-during.js';

const list = (length: number) => Array.from({ length }, (_, id) => ({ id, note: undefined }));

test('long lists are written as JSON.stringify writes them', async () => {
  for (const body of [
    { a: list(501), b: [1, undefined, () => 1, 'x"\u2028'], c: undefined, 'd"': { e: list(501) } },
    { a: list(500), b: list(1_001).map(({ id }) => (id % 3 ? undefined : id)), c: new Date(0) },
    { a: list(1_000), f: () => 1 },
    { a: [] },
  ]) {
    assert.equal(await jsonText(body), JSON.stringify(body));
  }
  const dated = Object.assign(new Date(0), { a: list(501) });
  assert.equal(hasLongList(dated), false);
  for (const short of [null, undefined, 5, 'x', list(501), { a: list(500) }]) {
    assert.equal(hasLongList(short), false);
  }
});

test('others have their turn while a long list is written', async () => {
  assert.ok((await turnsDuring(jsonText({ a: list(10_000) }))) >= 15);
  assert.ok((await turnsDuring(jsonText({ a: list(1_501), b: list(1_501) }))) >= 3);
});
