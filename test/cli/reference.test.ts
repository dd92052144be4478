import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { buildProgram } from '../../src/cli/program.js';
import { commandsPage } from '../../src/cli/reference/commands-page.js';
import { manPage } from '../../src/cli/reference/man-page.js';
import { documentSchema } from '../../src/config/documents/document-schema.js';

const root = new URL('../../../', import.meta.url);
const generated = {
  'docs/commands.md': async () => commandsPage(await buildProgram()),
  'man/llmproxy.1': async () => manPage(await buildProgram()),
  'config/llmproxy.schema.json': async () => `${JSON.stringify(documentSchema, null, 2)}\n`,
};

for (const [file, generate] of Object.entries(generated)) {
  test(`${file} is up to date with the commands: npm run reference writes it`, async () => {
    const expected = await generate();
    assert.ok(readFileSync(new URL(file, root), 'utf8') === expected, `${file} is out of date`);
  });
}
