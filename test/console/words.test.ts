import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chinese } from '../../src/console/lib/chinese.js';

const folder = fileURLToPath(new URL('../../../src/console', import.meta.url));

/** The texts of `t(condition ? 'one' : 'other')`. */
const eitherText = /\bt\([^,)]*?\?\s*'([^']+)'\s*:\s*'([^']+)'/g;

test('every text of the console is there in Chinese, with the same values in it', () => {
  const texts = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file)) continue;
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, text = ''] of source.matchAll(/\bt\(\s*'([^']+)'/g)) texts.add(text);
    for (const [, one = '', other = ''] of source.matchAll(eitherText)) texts.add(one).add(other);
  }
  assert.ok(texts.size > 200);
  const missing = [...texts].filter((text) => chinese[text] === undefined);
  assert.deepEqual(missing, []);
  const valuesIn = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [english, words] of Object.entries(chinese)) {
    assert.deepEqual(valuesIn(words), valuesIn(english), english);
  }
});
