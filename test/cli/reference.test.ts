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

test('the reference has a section for each command that does something by itself', async () => {
  const program = await buildProgram();
  const page = commandsPage(program);
  const manual = manPage(program);
  for (const path of ['llmproxy usage', 'llmproxy usage export', 'llmproxy requests']) {
    assert.ok(page.includes(`\n## ${path}\n`) && page.includes(`| [\`${path}\`](#`), path);
    assert.ok(manual.includes(`\n.SS "${path}"\n`), path);
  }
  for (const group of ['llmproxy', 'llmproxy keys']) {
    assert.ok(!page.includes(`\n## ${group}\n`) && !manual.includes(`\n.SS "${group}"\n`), group);
  }
});
