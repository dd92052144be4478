import { Command } from 'commander';
import { generateKey, hashKey, previewKey } from '../config/credential-key.js';
import type { Sql } from '../db/client.js';
import type { CredentialInput, CredentialRow } from '../db/queries/rows.js';
import { visible } from '../observe/visible.js';
import { printActivation } from './activate.js';
import { collect, keyName, modelList, rateLimit, wholeNumber } from './arguments.js';
import { changeConfiguration } from './change.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from './connection.js';
import { deliver } from './deliver.js';
import { CliError, usageError } from './failure.js';
import { keyJson, printKey, printKeys } from './keys-view.js';
import { jsonText, note, print, printJson, warn } from './output.js';
import { askArgument, confirmDeletion } from './prompt.js';
import { addSecretOptions, readSecret } from './secret.js';
import { duration, expiry } from './times.js';

interface KeyFlags extends DatabaseFlags {
  key?: string;
  keyEnv?: string;
  keyStdin?: boolean;
}

interface LimitFlags {
  models?: string[];
  rateLimit?: number | 'none';
  expires?: Date | 'never';
  tag?: string[];
  storeBodies?: boolean;
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
  const command = new Command('keys').description('manage the keys of clients');
  const create = new Command('create')
    .description('create a key and print it, once: only its hash is kept')
    .argument('[name]', 'whom it is for; asked for on a terminal');
  addSecretOptions(create, 'key', 'use this key instead of a new random one');
  command.addCommand(
    addLimitOptions(create)
      .addHelpText(
        'after',
        `
The key alone goes to standard output, everything else to standard error.

Examples:
  $ llmproxy keys create alice
  $ llmproxy keys create ci --models "gpt-4o*,o3" --rate-limit 10
  $ llmproxy keys create intern --expires 90d --tag team-a
  $ KEY=$(llmproxy keys create script)`,
      )
      .action(createKey),
  );
  command.addCommand(
    addDatabaseOptions(new Command('list'))
      .description('list the keys')
      .option('--tag <tag>', 'only those that have this tag; repeatable', collect)
      .option('--search <text>', 'only those whose name contains this, in any case')
      .option('--limit <n>', 'how many, by id; 1000 on a terminal', wholeNumber('--limit', 1))
      .option('--after <id>', 'only those with a higher id', wholeNumber('--after', 0))
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
      .description('show a key; of the key itself, only a preview')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys show alice')
      .action(show),
  );
  command.addCommand(
    addLimitOptions(new Command('update').option('--name <name>', 'a new name', keyName))
      .description('change what is given and keep the rest')
      .option('--clear-tags', 'remove all its tags')
      .option('--enabled', 'take a revoked key back into use')
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
    .description('give a key a new value, and let the old one be valid for a while')
    .argument('<id|name>')
    .option(
      '--grace <time>',
      'how long the old value is valid; 0: not at all',
      duration('--grace'),
    );
  rotate.setOptionValueWithSource('grace', 86_400, 'default');
  addSecretOptions(rotate, 'key', 'use this value instead of a new random one');
  command.addCommand(
    addDatabaseOptions(rotate)
      .addHelpText(
        'after',
        `
Name, limits, tags and usage stay. The default of --grace is 24h. The new value
alone goes to standard output, everything else to standard error.

Examples:
  $ llmproxy keys rotate alice
  $ llmproxy keys rotate alice --grace 7d
  $ llmproxy keys rotate 3 --grace 0`,
      )
      .action(rotateKey),
  );
  command.addCommand(
    addDatabaseOptions(new Command('revoke'))
      .description('refuse a key from now on, and keep its row')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys revoke alice')
      .action((ref: string, flags: DatabaseFlags) =>
        changeAndReport(ref, flags, 'revoked', { is_enabled: false }),
      ),
  );
  command.addCommand(
    addDatabaseOptions(new Command('delete'))
      .description('delete a key')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy keys delete alice --yes')
      .action(remove),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy keys create alice');
}

function addLimitOptions(command: Command): Command {
  command
    .option('--models <a,b>', 'models or wildcards that it may use; "*": all', modelList)
    .option('--rate-limit <n>', 'requests a second; 0 blocks all; none: unlimited', rateLimit)
    .option(
      '--expires <time>',
      'refuse it from then on: 90d, a date, or never',
      expiry('--expires'),
    )
    .option('--tag <tag>', 'a word to find it by; repeatable', collect)
    .option('--store-bodies', 'store what it asks and is answered, see docs/usage.md')
    .option('--no-store-bodies', 'do not, which is the default');
  return addDatabaseOptions(command);
}

async function createKey(written: string | undefined, flags: CreateFlags): Promise<void> {
  const question = { question: 'Whom is the key for?', hint: 'such as alice' };
  const name = keyName(written ?? (await askArgument('name', question, flags.json)));
  const given = await readSecret('--key', {
    value: flags.key,
    env: flags.keyEnv,
    stdin: flags.keyStdin,
  });
  const key = given ?? generateKey();
  if (key.length < 16) warn('a key of fewer than 16 characters can be guessed', flags.json);
  const input: CredentialInput = {
    credential_key: hashKey(key),
    key_preview: previewKey(key),
    name,
    allowed_models: flags.models ?? ['*'],
    rate_limit: limitOf(flags.rateLimit ?? 'none'),
    is_enabled: true,
    expires_at: expiryOf(flags.expires ?? 'never'),
    tags: tagsOf(flags.tag ?? []),
    store_bodies: flags.storeBodies ?? false,
  };
  const { insertCredential } = await import('../db/queries/insert-credential.js');
  const { DuplicateError } = await import('../db/duplicate.js');
  const { deleteCredential } = await import('../db/queries/delete-credential.js');
  const { activation } = await changeConfiguration(flags, async (sql) => {
    const created = await insertCredential(sql, input).catch((error: unknown) => {
      if (!(error instanceof DuplicateError)) throw error;
      throw new CliError('this key exists already', {
        hint: 'see the keys with: llmproxy keys list',
      });
    });
    const { id, key_preview, allowed_models, rate_limit, is_enabled } = created;
    const { expires_at, tags, store_bodies } = created;
    const limits = { allowed_models, rate_limit, is_enabled, expires_at, tags, store_bodies };
    const shown = flags.json ? jsonText({ id, name, key, key_preview, ...limits }) : key;
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
  const given = await readSecret('--key', {
    value: flags.key,
    env: flags.keyEnv,
    stdin: flags.keyStdin,
  });
  const key = given ?? generateKey();
  const { rotateCredential, storedKeys, undoRotation } = await import(
    '../db/queries/rotate-credential.js'
  );
  const { DuplicateError } = await import('../db/duplicate.js');
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

/** A screen cannot show more in a way that helps. */
const shownOnTerminal = 1_000;

async function list({ tag, search, limit, after, ...flags }: ListFlags): Promise<void> {
  const { listCredentials } = await import('../db/queries/list-credentials.js');
  const all = flags.json || !process.stdout.isTTY;
  const most = limit ?? (all ? Number.MAX_SAFE_INTEGER - 1 : shownOnTerminal);
  const rows = await withDatabase(flags, 'ready', (sql) =>
    // One more tells whether there are more.
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
  if (last && rows.length > most) note(`there are more; go on with: --after ${last.id}`);
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const row = await withDatabase(flags, 'ready', (sql) => existing(sql, ref));
  if (flags.json) printJson(keyJson(row));
  else printKey(row);
}

async function update(ref: string, flags: UpdateFlags): Promise<void> {
  const changes: Partial<CredentialInput> = {
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.models !== undefined && { allowed_models: flags.models }),
    ...(flags.rateLimit !== undefined && { rate_limit: limitOf(flags.rateLimit) }),
    ...(flags.expires !== undefined && { expires_at: expiryOf(flags.expires) }),
    ...(flags.clearTags && { tags: [] }),
    ...(flags.tag !== undefined && { tags: tagsOf(flags.tag) }),
    ...(flags.storeBodies !== undefined && { store_bodies: flags.storeBodies }),
    ...(flags.enabled && { is_enabled: true }),
  };
  if (Object.keys(changes).length === 0) throw usageError('nothing to change was given');
  await changeAndReport(ref, flags, 'updated', changes);
}

async function remove(ref: string, flags: DatabaseFlags & { yes?: boolean }): Promise<void> {
  const { deleteCredential } = await import('../db/queries/delete-credential.js');
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
): Promise<void> {
  const { updateCredential } = await import('../db/queries/update-credential.js');
  const { result, activation } = await changeConfiguration(flags, async (sql) => {
    const after = await updateCredential(sql, (await existing(sql, ref)).id, changes);
    if (after === null) throw notFound(ref);
    return after;
  });
  if (flags.json) printJson(keyJson(result));
  else print(`${done} key ${visible(result.name)} (id ${result.id})`);
  printActivation(activation, flags.json);
}

/** The one key that is meant: an id wins over a name, and a name of several keys is refused. */
async function existing(sql: Sql, ref: string): Promise<CredentialRow> {
  const { getCredential } = await import('../db/queries/get-credential.js');
  const isId = /^\d{1,9}$/.test(ref);
  const byId = isId ? await getCredential(sql, Number(ref)) : [];
  const rows = byId.length > 0 ? byId : await getCredential(sql, ref);
  const [row] = rows;
  if (row === undefined) throw notFound(ref);
  if (rows.length === 1) return row;
  const ids = rows.map(({ id, key_preview }) => `${id} (${key_preview})`).join(', ');
  throw new CliError(`${rows.length} keys are named "${ref}": ids ${ids}`, {
    hint: 'name the one you mean by its id',
  });
}

function limitOf(flag: number | 'none'): number | null {
  return flag === 'none' ? null : flag;
}

function expiryOf(flag: Date | 'never'): Date | null {
  return flag === 'never' ? null : flag;
}

function tagsOf(texts: readonly string[]): string[] {
  const tags = [...new Set(texts.map((text) => text.trim()))];
  if (tags.every((tag) => tag !== '' && tag.length <= 100 && !/\p{Cc}/u.test(tag))) return tags;
  throw usageError('--tag: a tag must have 1 to 100 characters');
}

function notFound(ref: string): CliError {
  return new CliError(`there is no key "${ref}"`, {
    hint: 'see the keys with: llmproxy keys list',
  });
}
