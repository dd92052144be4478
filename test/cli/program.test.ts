import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram, commandPath, withDescendants } from '../../src/cli/program.js';

const program = await buildProgram();
const commands = [...withDescendants(program)];
/** `usage` is a command by itself, and has one below it. */
const leaves = commands.filter(
  (command) => command.commands.length === 0 || command.name() === 'usage',
);

test('every command of the specification exists', () => {
  const groups = {
    audit: 'export list verify',
    budgets: 'create delete list show update',
    cache: 'purge status',
    canary: 'delete promote start status stop',
    config: 'apply export history plan rollback schema show validate',
    guardrails: 'add delete edit list show test',
    import: 'litellm seed',
    keys: 'create delete disable enable list revoke rotate show update',
    migrate: 'down status up',
    mirrors: 'create delete list show update',
    prices: 'check delete import list set show',
    provider: 'add delete disable enable list show test update',
    secrets: 'encrypt forget rotate status',
    systemd: 'install',
    usage: 'export rerate',
    teams: 'create delete list show update',
  };
  const alone =
    'backup completion connect console demo doctor explain fleet mock-provider requests restore resume serve status stop upgrade usage version';
  const expected = Object.entries(groups).flatMap(([group, names]) =>
    names.split(' ').map((name) => `llmproxy ${group} ${name}`),
  );
  for (const name of alone.split(' ')) expected.push(`llmproxy ${name}`);
  assert.deepEqual(leaves.map(pathOf).sort(), expected.sort());
});

test('a group of commands for rows has a singular and a plural name, which loads only it', async () => {
  const nouns = 'budget guardrail key mirror price provider secret team';
  for (const noun of nouns.split(' ')) {
    for (const name of [noun, `${noun}s`]) {
      const [loaded, ...others] = (await buildProgram([name])).commands;
      assert.ok([loaded?.name(), ...(loaded?.aliases() ?? [])].includes(name), name);
      assert.deepEqual(others, [], name);
    }
  }
});

for (const command of commands) {
  test(`the help of ${pathOf(command)} has an example that begins with a command of ours`, () => {
    const help = helpOf(command);
    assert.match(help, /^Examples?:$/m);
    for (const [, args = ''] of help.matchAll(/\$ llmproxy ([^\n]*)/g)) {
      const path = commandPath(program, args.split(' '));
      assert.ok(
        leaves.some((leaf) => pathOf(leaf) === path),
        `"llmproxy ${args}" is no command`,
      );
    }
  });

  test(`the help of ${pathOf(command)} fits 80 columns`, () => {
    for (const line of helpOf(command).split('\n')) assert.ok(line.length <= 80, line);
  });
}

for (const command of leaves) {
  test(`${pathOf(command)} has --json`, () => {
    assert.ok(command.options.some(({ long }) => long === '--json'));
  });
}

test('only the commands that a command line needs are loaded', async () => {
  const loaded = async (...args: string[]) =>
    (await buildProgram(args)).commands.map((command) => command.name());
  assert.deepEqual(await loaded('keys', 'list'), ['keys']);
  assert.deepEqual(await loaded('--version'), []);
  assert.deepEqual(await loaded('completion', 'bash', '--names', 'keys'), ['completion']);
  const all = program.commands.map((command) => command.name());
  assert.ok(all.length > 20);
  for (const args of [[], ['--help'], ['kyes', 'list'], ['constructor'], ['completion', 'zsh']]) {
    assert.deepEqual(await loaded(...args), all, args.join(' '));
  }
});

test('the version is that of the package', () => {
  const file = new URL('../../../package.json', import.meta.url);
  assert.equal(program.version(), JSON.parse(readFileSync(file, 'utf8')).version);
});

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return help;
}
