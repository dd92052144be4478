import { Command } from 'commander';
import { generateKey, hashKey, newKeyProblem, previewKey } from '../../config/credential-key.js';
import type { Sql } from '../../db/client.js';
import type { CredentialInput, CredentialRow } from '../../db/queries/rows.js';
import { visible } from '../../observe/visible.js';
import { collect, keyName, wholeNumber } from '../arguments.js';
import { changeConfiguration } from '../change.js';
import { printActivation } from '../daemon/activate.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { jsonText, note, print, printJson, warn } from '../output.js';
import { askArgument, confirmDeletion } from '../prompt.js';
import { deliver } from '../secrets/deliver.js';
import { readSecret } from '../secrets/secret.js';
import { duration } from '../times.js';
import { addKeyOptions, addLimitOptions, type LimitFlags, limitsFrom } from './keys-input.js';
import { keyJson, printKey, printKeys } from './keys-view.js';

interface KeyFlags extends DatabaseFlags {
  key?: string;
  keyEnv?: string;
  keyStdin?: boolean;
  allowShortKey?: boolean;
}

type CreateFlags = KeyFlags & LimitFlags;

interface RotateFlags extends KeyFlags {
  grace: number;
}

interface UpdateFlags extends DatabaseFlags, LimitFlags {
  name?: string;
  clearTags?: boolean;
  enabled?: boolean;
}

/** `llmproxy keys …`: the keys that clients authenticate with. */
export function keysCommand(): Command {
  const command = new Command('keys').description('manage client keys');
  const create = new Command('create')
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
  $ llmproxy keys create intern --expires 90d --tag team-a
  $ KEY=$(llmproxy keys create script)`,
      )
      .action(createKey),
  );
  command.addCommand(
    addDatabaseOptions(new Command('list').alias('ls'))
      .description('list the keys')
      .option('--tag <tag>', 'only keys with this tag; repeatable', collect)
      .option('--search <text>', 'only keys whose name contains this, ignoring case')
      .option('--limit <n>', 'maximum number, by id; 1000 on a terminal', wholeNumber('--limit', 1))
      .option('--after <id>', 'only keys with a higher id', wholeNumber('--after', 0))
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy keys list --tag team-a
  $ llmproxy keys list --search alice --limit 20
  $ llmproxy keys list --json | jq -r '.[].name'`,
      )
      .action(list),
  );
  command.addCommand(
    addDatabaseOptions(new Command('show'))
      .description('show a key, masked')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys show alice')
      .action(show),
  );
  command.addCommand(
    addLimitOptions(new Command('update').option('--name <name>', 'a new name', keyName))
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
      .action(update),
  );
  const rotate = new Command('rotate')
    .description('give a key a new value; the old one stays valid for a while')
    .argument('<id|name>')
    .option('--grace <time>', 'time that the old value stays valid; 0: none', duration('--grace'));
  rotate.setOptionValueWithSource('grace', 86_400, 'default');
  addKeyOptions(rotate, 'use this value instead of a new random one');
  command.addCommand(
    addDatabaseOptions(rotate)
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
      addDatabaseOptions(new Command(verb))
        .description(description)
        .argument('<id|name>')
        .addHelpText('after', `\nExample:\n  $ llmproxy keys ${verb} alice`)
        .action((ref: string, flags: DatabaseFlags) =>
          changeAndReport(ref, flags, done, { is_enabled }),
        ),
    );
  }
  command.addCommand(
    addDatabaseOptions(new Command('delete').alias('rm'))
      .description('delete a key')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys delete alice --yes')
      .action(remove),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy keys create alice');
}

async function createKey(written: string | undefined, flags: CreateFlags): Promise<void> {
  const question = { question: 'Whom is the key for?', hint: 'such as alice' };
  const name = keyName(written ?? (await askArgument('name', question, flags.json)));
  const given = await givenKey(flags);
  const key = given ?? generateKey();
  if (isPast(flags.expires)) throw usageError('--expires: this time is in the past');
  const input: CredentialInput = {
    credential_key: hashKey(key),
    key_preview: previewKey(key),
    name,
    allowed_models: ['*'],
    rate_limit: null,
    is_enabled: true,
    ...limitsFrom(flags),
  };
  const { insertCredential } = await import('../../db/queries/insert-credential.js');
  const { DuplicateError } = await import('../../db/duplicate.js');
  const { deleteCredential } = await import('../../db/queries/delete-credential.js');
  const { activation } = await changeConfiguration(flags, async (sql) => {
    await refuseTaken(sql, name);
    await warnOfUnserved(sql, flags);
    const created = await insertCredential(sql, input).catch((error: unknown) => {
      if (!(error instanceof DuplicateError)) throw error;
      throw new CliError('this key exists already', {
        hint: 'see the keys with: llmproxy keys list',
      });
    });
    const { id } = created;
    const { previous_expires_at, last_used_at, created_at, updated_at, ...told } = keyJson(created);
    const shown = flags.json ? jsonText({ ...told, key }) : key;
    if (given === null) {
      await deliver(shown, 'the key was not created', () => deleteCredential(sql, id));
    } else if (flags.json) print(shown);
    if (!flags.json) {
      const once = given === null ? '; store it now, it is not shown again' : '';
      note(`created key ${visible(name)} (id ${id})${once}`);
    }
    return created;
  });
  printActivation(activation, flags.json, note);
}

async function rotateKey(ref: string, flags: RotateFlags): Promise<void> {
  const given = await givenKey(flags);
  const key = given ?? generateKey();
  const { rotateCredential, storedKeys, undoRotation } = await import(
    '../../db/queries/rotate-credential.js'
  );
  const { DuplicateError } = await import('../../db/duplicate.js');
  const hashed = { credential_key: hashKey(key), key_preview: previewKey(key) };
  const { activation } = await changeConfiguration(flags, async (sql) => {
    const { id } = await existing(sql, ref);
    const before = await storedKeys(sql, id);
    const after = await rotateCredential(sql, id, hashed, flags.grace).catch((error: unknown) => {
      throw error instanceof DuplicateError ? new CliError('this key exists already') : error;
    });
    if (before === null || after === null) throw notFound(ref);
    const shown = flags.json ? jsonText({ ...keyJson(after), key }) : key;
    if (given === null) {
      await deliver(shown, 'the key was not rotated', () =>
        undoRotation(sql, id, before, hashed.credential_key),
      );
    } else if (flags.json) print(shown);
    if (!flags.json) {
      const until = after.previous_expires_at?.toISOString();
      const old = until ? `the old one is valid until ${until}` : 'the old one is refused';
      note(`rotated key ${visible(after.name)} (id ${id}); ${old}`);
      if (given === null) note('store the new one now, it is not shown again');
    }
    return after;
  });
  printActivation(activation, flags.json, note);
}

interface ListFlags extends DatabaseFlags {
  tag?: string[];
  search?: string;
  limit?: number;
  after?: number;
}

/** More would not help on a screen. */
const shownOnTerminal = 1_000;

async function list({ tag, search, limit, after, ...flags }: ListFlags): Promise<void> {
  const { listCredentials } = await import('../../db/queries/list-credentials.js');
  const all = flags.json || !process.stdout.isTTY;
  const most = limit ?? (all ? Number.MAX_SAFE_INTEGER - 1 : shownOnTerminal);
  const rows = await withDatabase(flags, 'read', (sql) =>
    // One extra row shows that there are more.
    listCredentials(sql, {
      limit: most + 1,
      offset: 0,
      tags: tag ?? [],
      search: search ?? '',
      after: after ?? 0,
    }),
  );
  const shown = rows.slice(0, most);
  if (flags.json) printJson(shown.map(keyJson));
  else printKeys(shown);
  const last = shown.at(-1);
  if (last && rows.length > most) note(`there are more; continue with: --after ${last.id}`);
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const row = await withDatabase(flags, 'read', (sql) => existing(sql, ref));
  if (flags.json) printJson(keyJson(row));
  else printKey(row);
}

async function update(ref: string, flags: UpdateFlags): Promise<void> {
  const changes: Partial<CredentialInput> = {
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.clearTags && { tags: [] }),
    ...limitsFrom(flags),
    ...(flags.enabled && { is_enabled: true }),
  };
  if (Object.keys(changes).length === 0) throw usageError('nothing to change was given');
  if (isPast(flags.expires)) warn('--expires is in the past: the key is refused', flags.json);
  await changeAndReport(ref, flags, 'updated', changes, async (sql, before) => {
    if (flags.name !== undefined && flags.name !== before.name) await refuseTaken(sql, flags.name);
    await warnOfUnserved(sql, flags);
  });
}

async function remove(ref: string, flags: DatabaseFlags & { yes?: boolean }): Promise<void> {
  const { deleteCredential } = await import('../../db/queries/delete-credential.js');
  const { result, activation } = await changeConfiguration(flags, async (sql) => {
    const row = await existing(sql, ref);
    const what = `key ${row.name} (id ${row.id})`;
    const consequence = `Requests with it are refused at once. To keep its row: llmproxy keys revoke ${row.id}`;
    await confirmDeletion({ what, consequence, yes: flags.yes, json: flags.json });
    await deleteCredential(sql, row.id);
    return row;
  });
  if (flags.json) printJson(keyJson(result));
  else print(`deleted key ${visible(result.name)} (id ${result.id})`);
  printActivation(activation, flags.json);
}

async function changeAndReport(
  ref: string,
  flags: DatabaseFlags,
  done: string,
  changes: Partial<CredentialInput>,
  check: (sql: Sql, before: CredentialRow) => Promise<void> = async () => {},
): Promise<void> {
  const { updateCredential } = await import('../../db/queries/update-credential.js');
  const { result, activation } = await changeConfiguration(flags, async (sql) => {
    const before = await existing(sql, ref);
    await check(sql, before);
    const after = await updateCredential(sql, before.id, changes);
    if (after === null) throw notFound(ref);
    return after;
  });
  if (flags.json) printJson(keyJson(result));
  else print(`${done} key ${visible(result.name)} (id ${result.id})`);
  printActivation(activation, flags.json);
}

/** Finds a key by id, else by name; refuses a name shared by several keys. */
async function existing(sql: Sql, ref: string): Promise<CredentialRow> {
  const { getCredential } = await import('../../db/queries/get-credential.js');
  const isId = /^\d{1,9}$/.test(ref);
  const byId = isId ? await getCredential(sql, Number(ref)) : [];
  const rows = byId.length > 0 ? byId : await getCredential(sql, ref);
  const [row] = rows;
  if (row === undefined) throw notFound(ref);
  if (rows.length === 1) return row;
  const ids = rows.map(({ id, key_preview }) => `${id} (${key_preview})`).join(', ');
  throw new CliError(`${rows.length} keys are named "${ref}": ids ${ids}`, {
    hint: 'use the id instead',
  });
}

/** @throws CliError where another key has this name: commands could not distinguish the two. */
async function refuseTaken(sql: Sql, name: string): Promise<void> {
  const { getCredential } = await import('../../db/queries/get-credential.js');
  const [taken] = await getCredential(sql, name);
  if (!taken) return;
  throw new CliError(`another key is named "${name}" (id ${taken.id})`, {
    hint: `choose another name, or give it a new value: llmproxy keys rotate ${taken.id}`,
  });
}

/** Otherwise only clients would notice a misspelt model. */
async function warnOfUnserved(
  sql: Sql,
  { models, json }: Pick<UpdateFlags, 'models' | 'json'>,
): Promise<void> {
  if (models === undefined) return;
  const [{ listProviders }, { unservedModels }] = await Promise.all([
    import('../../db/queries/list-providers.js'),
    import('../../routing/unserved-models.js'),
  ]);
  const unserved = unservedModels(models, await listProviders(sql));
  if (unserved.length > 0) warn(`no provider serves ${unserved.join(', ')}`, json);
}

async function givenKey(flags: KeyFlags): Promise<string | null> {
  const { key: value, keyEnv: env, keyStdin: stdin, allowShortKey = false } = flags;
  const given = await readSecret('--key', { value, env, stdin });
  const problem = given && newKeyProblem(given, allowShortKey, '--allow-short-key');
  if (problem) throw usageError(`--key: it ${problem}`);
  return given;
}

function isPast(expires: Date | 'never' | undefined): boolean {
  return expires instanceof Date && expires.getTime() <= Date.now();
}

function notFound(ref: string): CliError {
  return new CliError(`there is no key "${ref}"`, {
    hint: 'see the keys with: llmproxy keys list',
  });
}
