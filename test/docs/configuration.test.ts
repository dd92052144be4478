import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { settingsSchema } from '../../src/config/settings/settings-schema.js';
import { exportColumns } from '../../src/db/queries/requests/export-requests.js';
import { pages, readPage } from './blocks.js';

const file = fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url));

/** The documented table of settings: default, variable and flag by setting. */
function documented(): Map<string, { fallback: string; variable: string; flag: string }> {
  const rows = readFileSync(file, 'utf8').matchAll(
    /^\| `([a-z_.]+)` \| ([^|]*) \| ([^|]*) ?\| ([^|]*) ?\| \S.* \|$/gm,
  );
  return new Map(
    [...rows].map(([, name = '', fallback = '', variable = '', flag = '']) => [
      name,
      { fallback: code(fallback), variable: code(variable), flag: code(flag) },
    ]),
  );
}

function code(cell: string): string {
  return cell.trim().replaceAll('`', '');
}

interface Leaf {
  default?: unknown;
  env?: string;
  flag?: string;
}

function* leaves(properties: object, path = ''): Generator<[string, Leaf]> {
  for (const [name, schema] of Object.entries(properties)) {
    if (schema.properties) yield* leaves(schema.properties, `${path}${name}.`);
    else yield [`${path}${name}`, schema];
  }
}

test('the documentation has every setting with its default, variable and flag, and no other', () => {
  const expected = [...leaves(settingsSchema.properties)].map(([name, schema]) => {
    const flag = schema.flag?.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const fallback = schema.default === undefined ? 'see below' : JSON.stringify(schema.default);
    return [name, { fallback, variable: schema.env ?? '', flag: flag ? `--${flag}` : '' }];
  });
  assert.deepEqual(Object.fromEntries(documented()), Object.fromEntries(expected));
});

test('the documentation names the file of variables that the unit reads', () => {
  const unit = readPage('systemd/llmproxy.service');
  const [, file] = /^EnvironmentFile=-(\S+)$/m.exec(unit) ?? [];
  const named = pages.flatMap(
    (page) => readPage(page).match(/\/etc\/llmproxy\/[\w.]*env\b/g) ?? [],
  );
  assert.ok(named.length > 0);
  assert.deepEqual(new Set(named), new Set([file]));
});

test('the documentation has every column of usage rows', () => {
  const [, table = ''] =
    /^## What is stored\n([\s\S]*?)\n\n[^|\n]/m.exec(readPage('docs/usage.md')) ?? [];
  const named = new Set([...table.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  for (const { sql } of exportColumns) assert.ok(named.has(sql.replace('::text', '')), sql);
});
