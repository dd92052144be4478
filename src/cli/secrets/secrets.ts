import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import {
  generateSecretKey,
  parseKeyRing,
  type SecretKey,
} from '../../config/secrets/secret-cipher.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { ResealResult } from '../../daemon/secrets/reseal.js';
import type { Secrets } from '../../daemon/secrets/secrets.js';
import type { Sql } from '../../db/client.js';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import { changeConfiguration } from '../change.js';
import { type Activation, activate, printActivation } from '../daemon/activate.js';
import { askControlSocket } from '../daemon/control-socket.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError } from '../failure.js';
import { print, printFields, printJson, warn } from '../output.js';
import { openSecrets } from './open-secrets.js';

interface RotateFlags extends DatabaseFlags {
  newKeyFile?: string;
  lostKey?: boolean;
}

/** `llmproxy secrets …`: manages the encryption of providers' keys. */
export function secretsCommand(): Command {
  const command = new Command('secrets')
    .alias('secret')
    .description('manage the encryption of provider keys');
  command.addCommand(
    addDatabaseOptions(new Command('status'))
      .description('show how provider keys are stored')
      .addHelpText('after', '\nExample:\n  $ llmproxy secrets status')
      .action(status),
  );
  command.addCommand(
    addDatabaseOptions(new Command('encrypt'))
      .description('encrypt provider keys in clear or under an older key')
      .addHelpText('after', '\nExample:\n  $ llmproxy secrets encrypt')
      .action(encrypt),
  );
  command.addCommand(
    addDatabaseOptions(
      new Command('rotate')
        .option('--new-key-file <file>', 'use this key instead of a new random one')
        .option('--lost-key', 'continue even though the current key is lost'),
    )
      .description('encrypt provider keys under a new key, without downtime')
      .addHelpText(
        'after',
        `
The old key stays in the key file, so that both are valid and nothing is
interrupted. The next rotation completes an interrupted one. If several machines
share the database, give them all the new key first.

Examples:
  $ llmproxy secrets rotate
  $ llmproxy secrets rotate --new-key-file /root/new-key`,
      )
      .action(rotate),
  );
  command.addCommand(
    addDatabaseOptions(new Command('forget'))
      .description('remove unused keys from the key file')
      .addHelpText('after', '\nExample:\n  $ llmproxy secrets forget')
      .action(forget),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy secrets status');
}

async function status(flags: DatabaseFlags): Promise<void> {
  const { secretStatus } = await import('../../daemon/secrets/secret-status.js');
  const found = await withDatabase(flags, 'read', async (sql, settings) =>
    secretStatus(sql, await openSecrets(settings)),
  );
  if (flags.json) {
    printJson(found);
    return;
  }
  const { key_id, known_key_ids, key_source, encrypted, clear, references, unusable } = found;
  printFields([
    ['key in use', key_id ?? 'none yet: the first write makes one'],
    ['keys here', `${known_key_ids.join(', ') || 'none'} (${key_source})`],
    ...Object.entries(encrypted).map(
      ([id, providers]) => [`under ${id}`, countedNames(providers)] as const,
    ),
    ['in clear', countedNames(clear)],
    ['references', countedNames(references)],
    ['unusable', countedNames(unusable.map(({ provider }) => provider))],
  ]);
  for (const { provider, reason } of unusable)
    warn(visible(`the key of ${provider} ${reason}`), flags.json);
  if (clear.length > 0) warn('encrypt those in clear with: llmproxy secrets encrypt', flags.json);
}

async function encrypt(flags: DatabaseFlags): Promise<void> {
  const { result, activation } = await changeConfiguration(flags, async (sql, settings) => {
    const secrets = await openSecrets(settings);
    const key = await secrets.keys.current(sql);
    return { keyId: key.id, ...(await resealAll(sql, secrets, key, flags)) };
  });
  report(result, flags, activation);
}

async function rotate(flags: RotateFlags): Promise<void> {
  const { result, activation } = await changeConfiguration(flags, async (sql, settings) => {
    const secrets = await openSecrets(settings);
    const key = await nextKey(sql, secrets, flags);
    await addKey(secrets, key);
    const socket = { dataDir: settings.data_dir, adminKey: settings.admin.key };
    const learnt = await activate({
      ask: (request) => askControlSocket(socket, request),
      minVersion: 0,
      timeoutMs: 30_000,
      json: flags.json,
    });
    if (learnt.state === 'unconfirmed') {
      throw new CliError(`the daemon has not taken the new key: ${learnt.reason}`, {
        hint: 'nothing was encrypted under it yet; repeat the command when the daemon answers',
      });
    }
    const { changeSecretKey } = await import('../../db/queries/configuration/secret-key.js');
    await changeSecretKey(sql, key.id);
    return { keyId: key.id, ...(await resealAll(sql, secrets, key, flags)) };
  });
  report(result, flags, activation);
}

/** A new key, or after an interrupted rotation that rotation's. */
async function nextKey(sql: Sql, secrets: Secrets, flags: RotateFlags): Promise<SecretKey> {
  const { secretKeyInUse } = await import('../../db/queries/configuration/secret-key.js');
  const inUse = await secretKeyInUse(sql);
  if (inUse !== null && !flags.lostKey) await secrets.keys.current(sql).catch(explainLostKey);
  const [first] = secrets.keys.ring;
  if (flags.newKeyFile !== undefined) return await readKeyFile(flags.newKeyFile);
  // The first key is new: it was added by hand, or by a rotation that ended early.
  if (first && first.id !== inUse) return first;
  if (secrets.keys.ring.length > 1 && first && (await isUnfinished(sql, secrets))) return first;
  if (secrets.keys.file !== null) return generateSecretKey();
  throw new CliError(`the keys come from ${secrets.keys.source}, which this command cannot write`, {
    hint: 'put a new key before the old one there (openssl rand -base64 32), restart the daemon, and repeat',
  });
}

function explainLostKey(error: unknown): never {
  throw new CliError(error instanceof Error ? error.message : String(error), {
    hint: 'if it is lost: llmproxy secrets rotate --lost-key, then set the lost provider keys again',
  });
}

async function isUnfinished(sql: Sql, secrets: Secrets): Promise<boolean> {
  const { secretStatus } = await import('../../daemon/secrets/secret-status.js');
  const { encrypted, key_id } = await secretStatus(sql, secrets);
  return Object.keys(encrypted).some(
    (id) => id !== key_id && secrets.keys.ring.some((key) => key.id === id),
  );
}

async function readKeyFile(file: string): Promise<SecretKey> {
  try {
    const [key] = parseKeyRing(await readFile(file, 'utf8'));
    if (key) return key;
    throw new Error('holds no key');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`--new-key-file: ${file} cannot be used: ${reason}`, { exitCode: 2 });
  }
}

/** Adds the key as the first of this machine. */
async function addKey(secrets: Secrets, key: SecretKey): Promise<void> {
  if (secrets.keys.ring[0]?.id === key.id) return;
  const { file, source } = secrets.keys;
  if (file === null) {
    if (secrets.keys.ring.some(({ id }) => id === key.id)) return;
    throw new CliError(`the new key is not in ${source}, which this command cannot write`, {
      hint: 'put it there before the old one, restart the daemon, and repeat',
    });
  }
  const { writeSecretKeys } = await import('../../daemon/secrets/secret-key.js');
  if (secrets.keys.ring.length === 0) await secrets.keys.read(true);
  await writeSecretKeys(file, [key, ...secrets.keys.ring.filter(({ id }) => id !== key.id)]);
  await secrets.keys.read();
}

async function forget(flags: DatabaseFlags): Promise<void> {
  const { forgotten, left } = await withDatabase(flags, 'ready', forgetUnused);
  if (flags.json) printJson({ forgotten, left });
  else if (forgotten.length === 0)
    print(`nothing to forget: ${left.join(', ') || 'no key'} is in use`);
  else print(`forgot ${forgotten.join(', ')}; left: ${left.join(', ')}`);
}

async function forgetUnused(sql: Sql, settings: Settings) {
  const [{ keyIdsInUse }, { writeSecretKeys }] = await Promise.all([
    import('../../db/queries/configuration/history-secrets.js'),
    import('../../daemon/secrets/secret-key.js'),
  ]);
  const secrets = await openSecrets(settings);
  const { file, source } = secrets.keys;
  const used = new Set(await keyIdsInUse(sql));
  const left = secrets.keys.ring.filter(({ id }, index) => index === 0 || used.has(id));
  const forgotten = secrets.keys.ring.filter((key) => !left.includes(key));
  if (forgotten.length > 0 && file === null) {
    const ids = forgotten.map(({ id }) => id).join(', ');
    throw new CliError(`the keys come from ${source}, which this command cannot write`, {
      hint: `remove there the keys that nothing is encrypted under: ${ids}`,
    });
  }
  if (forgotten.length > 0 && file !== null) await writeSecretKeys(file, left);
  return { forgotten: forgotten.map(({ id }) => id), left: left.map(({ id }) => id) };
}

async function resealAll(
  sql: Sql,
  secrets: Secrets,
  key: SecretKey,
  { json }: DatabaseFlags,
): Promise<ResealResult> {
  const { reseal } = await import('../../daemon/secrets/reseal.js');
  const isTold = !json && process.stderr.isTTY === true;
  const result = await reseal(sql, secrets, key, (done, of) => {
    if (isTold) process.stderr.write(`\r${done} of ${of} keys\u001b[K`);
  });
  if (isTold) process.stderr.write('\r\u001b[K');
  return result;
}

function report(
  result: ResealResult & { keyId: string },
  flags: DatabaseFlags,
  activation: Activation,
): void {
  const { keyId, providers, history, unusable } = result;
  if (flags.json) printJson({ key_id: keyId, encrypted: providers, history, unusable });
  else print(`encrypted ${counted(providers, 'key')} of providers under ${keyId}`);
  for (const { provider, reason } of unusable) {
    warn(visible(`left as it is: the key of ${provider} ${reason}`), flags.json);
  }
  if (unusable.length > 0) process.exitCode = 1;
  printActivation(activation, flags.json);
}

function countedNames(providers: readonly string[]): string {
  if (providers.length === 0) return '0';
  const named = providers.slice(0, 5).join(', ');
  return `${providers.length} (${named}${providers.length > 5 ? ', …' : ''})`;
}
