import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const own = JSON.parse(read('package.json'));
/** Licence by package; every cell of a row has text. */
const rows = new Map(
  [
    ...read('docs/dependencies.md').matchAll(
      /^\| `([^`]+)` \| \S[^|]* \| ([^|]+) \| \S[^|]* \|$/gm,
    ),
  ].map(([, name = '', licence = '']) => [name, licence]),
);

test('every direct dependency has a row with its purpose, licence and maintainer', () => {
  const kinds = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'];
  const direct = new Set(kinds.flatMap((kind) => Object.keys(own[kind])));
  assert.deepEqual([...rows.keys()].sort(), [...direct].sort());
});

test('licences are those of the installed packages', () => {
  let checked = 0;
  for (const [name, licence] of rows) {
    const file = `node_modules/${name}/package.json`;
    // Packages for other machines are not installed.
    if (!existsSync(join(root, file))) continue;
    assert.equal(licence, JSON.parse(read(file)).license, name);
    checked++;
  }
  assert.ok(checked > 20);
});

test('direct dependencies are pinned', () => {
  const { dependencies, optionalDependencies, devDependencies } = own;
  const versions = { ...dependencies, ...optionalDependencies, ...devDependencies };
  for (const [name, version] of Object.entries<string>(versions)) {
    assert.match(version, /^(npm:@?[\w/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/, name);
  }
});
