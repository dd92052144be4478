import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const folder = new URL('../../console/', import.meta.url);
const maxBytes = 120 * 1024;

test('all of the console is at most 120 KB gzipped', () => {
  const files = readdirSync(folder);
  assert.ok(files.includes('main.js') && files.includes('main.css'));
  const sizes = files.map((file) => gzipSync(readFileSync(new URL(file, folder))).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total <= maxBytes, `${total} bytes`);
});
