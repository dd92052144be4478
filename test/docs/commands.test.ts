import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type ClientName, clients } from '../../src/cli/connect/connect-clients.js';
import { buildProgram } from '../../src/cli/program.js';
import { readDocument } from '../../src/config/documents/read-document.js';
import { compileSchema } from '../../src/config/schema.js';
import { settingsSchema } from '../../src/config/settings/settings-schema.js';
import { blocksOf, commandsIn, pages, readPage, usesOf } from './blocks.js';

const blocks = pages.flatMap(blocksOf);

test('each command of the documentation exists, with its arguments and options', async () => {
  const program = await buildProgram();
  let checked = 0;
  for (const block of blocks) {
    for (const command of commandsIn(block)) {
      for (const args of usesOf(command)) {
        const where = `${block.place}: llmproxy ${args.join(' ')}`;
        let found = program;
        let rest = args;
        for (;;) {
          const [name = ''] = rest;
          const below = found.commands.find(
            (each) => each.name() === name || each.aliases().includes(name),
          );
          if (!below) break;
          found = below;
          rest = rest.slice(1);
        }
        const { operands, unknown } = found.parseOptions(rest);
        assert.deepEqual(
          unknown.filter((each) => each !== '--help'),
          [],
          where,
        );
        const { registeredArguments } = found;
        const least = registeredArguments.filter(({ required }) => required).length;
        const most = registeredArguments.some(({ variadic }) => variadic)
          ? Number.POSITIVE_INFINITY
          : registeredArguments.length;
        const isHelp = unknown.includes('--help');
        assert.ok(isHelp || (operands.length >= least && operands.length <= most), where);
        checked++;
      }
    }
  }
  assert.ok(checked > 80, `${checked} commands`);
});

test('the settings of clients are those that `llmproxy connect` prints', () => {
  const page = readPage('docs/quick-starts.md');
  const shown = [...page.matchAll(/<!-- connect ([\w-]+) -->\n```\w+\n([\s\S]*?)```/g)];
  assert.ok(shown.length >= 4);
  for (const [, name = '', text] of shown) {
    const { model, settings } = clients[name as ClientName];
    assert.equal(text, `${settings({ url: 'http://localhost:18000', key: 'YOUR_KEY', model })}\n`);
  }
});

const sections = new Set(['providers', 'teams', 'credentials', 'prices', 'budgets', 'stops']);

for (const { place, text: shortened } of blocks.filter(({ language }) => language === 'yaml')) {
  test(`the YAML of ${place} is valid`, () => {
    // Hashes are shortened.
    const text = shortened.replaceAll(/([0-9a-f]+)…/g, (_, start) => start.padEnd(64, 'a'));
    const names = Object.keys(parse(text));
    if (!names.every((name) => sections.has(name))) {
      const validate = compileSchema(settingsSchema);
      assert.ok(validate(parse(text)), JSON.stringify(validate.errors));
      return;
    }
    // One document shows a mistake, and its page the message of it.
    const problems = readDocument(place, text).problems.first.map(({ reason }) => reason);
    const shown = blocks.some((block) => problems.some((reason) => block.text.includes(reason)));
    assert.ok(problems.length === 0 || shown, problems.join('\n'));
  });
}

for (const { place, text } of blocks.filter(({ language }) => language === 'json')) {
  test(`the JSON of ${place} can be parsed`, () => {
    assert.doesNotThrow(() => JSON.parse(text));
  });
}
