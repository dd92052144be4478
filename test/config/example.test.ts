import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { mergeConfiguration } from '../../src/config/merge.js';
import { type Override, parseOverride } from '../../src/config/overrides.js';
import { eachNamed } from '../../src/config/rows/named.js';
import { compileSchema } from '../../src/config/schema.js';
import { settingsSchema } from '../../src/config/settings/settings-schema.js';

/** Sources and tests run from `dist`. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const text = readFileSync(join(root, 'config/llmproxy.example.yaml'), 'utf8');

interface Leaf {
  path: string[];
  schema: { default?: unknown; env?: string };
}

function* leaves(properties: object, path: string[] = []): Generator<Leaf> {
  for (const [name, schema] of Object.entries(properties)) {
    if (schema.properties) yield* leaves(schema.properties, [...path, name]);
    else yield { path: [...path, name], schema };
  }
}

test('the example of the settings file is valid', () => {
  const validate = compileSchema(settingsSchema);
  assert.ok(validate(parse(text)), JSON.stringify(validate.errors));
});

test('the example has every setting with its default, a comment, and its variable', () => {
  const example = parse(text);
  const lines = text.split('\n');
  for (const { path, schema } of leaves(settingsSchema.properties)) {
    const name = path[path.length - 1] ?? '';
    const indent = '  '.repeat(path.length - 1);
    // A setting whose default depends on the machine is shown as a comment.
    const start = `${'default' in schema ? indent : `${indent}# `}${name}:`;
    // Settings of two sections may have the same name.
    const section = lines.findIndex((line) => line.startsWith(`${path[0]}:`));
    const at = lines.findIndex((line, index) => index >= section && line.startsWith(start));
    assert.ok(at > 0, `${path.join('.')} is missing`);
    const comment = lines[at - 1] ?? '';
    assert.match(comment, /^ *# \S/, `${path.join('.')} is not explained`);
    if (schema.env) assert.ok(comment.includes(schema.env), `${schema.env} is not named`);
    if (!('default' in schema)) continue;
    const value = path.reduce((node, part) => node[part], example);
    assert.deepEqual(value, schema.default, path.join('.'));
  }
});

test('the example of an override file in the documentation is valid', () => {
  const guide = readFileSync(join(root, 'config/overrides.d/README.md'), 'utf8');
  const blocks = [...guide.matchAll(/```ya?ml\n(.*?)```/gs)].map(([, block]) => block ?? '');
  assert.ok(blocks.length > 0);
  const overrides: Override[] = blocks.map((block) =>
    parseOverride({ path: 'README', text: block }, []),
  );
  const merged = mergeConfiguration({ version: 1, providers: [], teams: [], credentials: [] }, [
    // The provider that the example disables exists in the database.
    {
      source: 'database',
      providers: new Map([['openai', { api_base: 'http://x/v1', api_key: 'k' }]]),
      teams: new Map(),
      named: eachNamed(() => new Map()),
      credentials: new Map([['intern', { credential_key: 'a'.repeat(64) }]]),
    },
    ...overrides,
  ]);
  assert.ok(merged.providers.length > 1);
  assert.ok(merged.credentials.length > 1);
});
