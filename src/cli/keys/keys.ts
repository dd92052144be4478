import { Command } from 'commander';
import { credentialOrders } from '../../db/queries/ordered.js';
import { withAdminApi } from '../admin-api.js';
import { collect, keyName, sortColumn, wholeNumber } from '../arguments.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { note, printJson } from '../output.js';
import { duration } from '../times.js';
import {
  changeAndReport,
  createKey,
  findKey,
  removeKey,
  rotateKey,
  updateKey,
} from './key-changes.js';
import { addKeyOptions, addLimitOptions } from './keys-input.js';
import { keyJson, printKey, printKeys, type ShownKey } from './keys-view.js';

/** `llmproxy keys …`: the keys that clients authenticate with. */
export function keysCommand(): Command {
  const command = new Command('keys').alias('key').description('manage client keys');
  const create = new Command('create')
    .alias('add')
    .alias('add')
    .description('create a key and print it; only its hash is kept')
    .argument('[name]', 'whom it is for; prompted for on a terminal');
  addKeyOptions(create, 'use this key instead of a new random one');
  command.addCommand(
    addLimitOptions(create)
      .addHelpText(
        'after',
        `
Only the key is written to standard output, all else to standard error.

Examples:
  $ llmproxy keys create alice
  $ llmproxy keys create ci --models "gpt-4o*,o3" --rate-limit 10
  $ llmproxy keys create worker --team batch --tokens-per-minute 50000
  $ llmproxy keys create intern --expires 90d --tag team-a
  $ KEY=$(llmproxy keys create script)`,
      )
      .action(createKey),
  );
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list the keys')
      .option('--tag <tag>', 'only keys with this tag; repeatable', collect)
      .option('--team <name>', 'only keys of this team')
      .option('--search <text>', 'only keys whose name contains this, ignoring case')
      .option('--limit <n>', 'maximum number; 1000 on a terminal', wholeNumber('--limit', 1))
      .option(
        '--sort <column>',
        `${Object.keys(credentialOrders).join(', ')}; -column: reverse`,
        sortColumn(Object.keys(credentialOrders)),
      )
      .option('--after <id>', 'only keys with a higher id', wholeNumber('--after', 0))
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy keys list --tag team-a
  $ llmproxy keys list --search alice --limit 20
  $ llmproxy keys list --sort -last_used_at --limit 20
  $ llmproxy keys list --json | jq -r '.[].name'`,
      )
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a key, masked')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys show alice')
      .action(show),
  );
  command.addCommand(
    addLimitOptions(
      new Command('update').alias('edit').option('--name <name>', 'a new name', keyName),
    )
      .description('change the given fields of a key')
      .option('--clear-tags', 'remove all its tags')
      .option('--enabled', 'enable a revoked key')
      .argument('<id|name>')
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy keys update alice --rate-limit none
  $ llmproxy keys update 3 --models "*" --name alice-laptop`,
      )
      .action(updateKey),
  );
  const rotate = new Command('rotate')
    .description('give a key a new value; the old one stays valid for a while')
    .argument('<id|name>')
    .option('--grace <time>', 'time that the old value stays valid; 0: none', duration('--grace'));
  rotate.setOptionValueWithSource('grace', 86_400, 'default');
  addKeyOptions(rotate, 'use this value instead of a new random one');
  command.addCommand(
    addGatewayOptions(rotate)
      .addHelpText(
        'after',
        `
Name, limits, tags and usage stay. The default of --grace is 24h. Only the new
value is written to standard output, all else to standard error.

Examples:
  $ llmproxy keys rotate alice
  $ llmproxy keys rotate alice --grace 7d
  $ llmproxy keys rotate 3 --grace 0`,
      )
      .action(rotateKey),
  );
  for (const [verb, description, done, is_enabled] of [
    ['enable', 'take a key that is disabled or revoked back into use', 'enabled', true],
    ['disable', 'refuse a key until it is enabled', 'disabled', false],
    ['revoke', 'the same as disable', 'revoked', false],
  ] as const) {
    command.addCommand(
      addGatewayOptions(new Command(verb))
        .description(description)
        .argument('<id|name>')
        .addHelpText('after', `\nExample:\n  $ llmproxy keys ${verb} alice`)
        .action((ref: string, flags: DatabaseFlags) =>
          changeAndReport(ref, flags, done, () => ({ is_enabled })),
        ),
    );
  }
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a key')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys delete alice --yes')
      .action(removeKey),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy keys create alice');
}

interface ListFlags extends DatabaseFlags {
  tag?: string[];
  team?: string;
  search?: string;
  limit?: number;
  after?: number;
  sort?: string;
}

/** More rows would not help on a screen. */
const shownOnTerminal = 1_000;

async function list({ tag, team, search, limit, after, sort, ...flags }: ListFlags): Promise<void> {
  const all = flags.json || !process.stdout.isTTY;
  const most = limit ?? (all ? null : shownOnTerminal);
  const parameters = new URLSearchParams({ after: String(after ?? 0), search: search ?? '' });
  for (const each of tag ?? []) parameters.append('tag', each);
  if (team !== undefined) parameters.set('team', team);
  if (sort !== undefined) parameters.set('sort', sort);
  // One extra row shows that there are more.
  if (most !== null) parameters.set('limit', String(most + 1));
  const { credentials: rows } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ credentials: ShownKey[] }>('GET', `/credentials?${parameters}`),
  );
  const shown = rows.slice(0, most ?? rows.length);
  if (flags.json) printJson(shown.map(keyJson));
  else printKeys(shown);
  const last = shown.at(-1);
  if (!last || rows.length === shown.length) return;
  note(
    `there are more; ${sort === undefined ? `continue with: --after ${last.id}` : 'see --limit'}`,
  );
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const row = await withAdminApi(flags, 'read', (api) => findKey(api, ref));
  if (flags.json) printJson(keyJson(row));
  else printKey(row);
}
