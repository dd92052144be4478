import { once } from 'node:events';
import { createReadStream, createWriteStream, rmSync, statSync, type WriteStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { Command } from 'commander';
import type { BackupSummary } from '../../db/backup/format.js';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import { packageVersion } from '../../package.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { note, print, printJson, warn } from '../output.js';
import { withProgress } from '../progress.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from './connection.js';

interface BackupFlags extends DatabaseFlags {
  requests?: boolean;
}

/** `llmproxy backup`: writes the database to a file, while the gateway runs. */
export function backupCommand(): Command {
  return addDatabaseOptions(
    new Command('backup')
      .description('write the database to a file, also while the gateway runs')
      .argument('[file]', 'a new file; - is standard output; by default named after the time')
      .option('--no-requests', 'leave out the rows of usage and requests'),
  )
    .addHelpText(
      'after',
      `
Works for the embedded database and for your own. The file contains everything
as of one moment: providers, keys, history, usage. Provider keys in it are
encrypted; to use them, the secret key of this machine is needed too
(docs/secrets.md).

Examples:
  $ llmproxy backup
  $ llmproxy backup /backup/llmproxy.gz --no-requests
  $ llmproxy backup - | ssh backup@host 'cat > llmproxy.gz'`,
    )
    .action(backup);
}

/** `llmproxy restore`: fills an empty database from a backup. */
export function restoreCommand(): Command {
  return addDatabaseOptions(
    new Command('restore')
      .description('fill an empty database from a backup')
      .argument('<file>', 'a backup; - is standard input'),
  )
    .addHelpText(
      'after',
      `
Replaces nothing: the database must be empty, and no gateway may run on it. The
secret key that the provider keys are encrypted with is not in the backup: copy
it to the data directory first, or name it in the settings.

Examples:
  $ llmproxy restore llmproxy-2026-01-31T120000Z.gz
  $ llmproxy restore backup.gz --data-dir /var/lib/llmproxy
  $ llmproxy restore backup.gz --db-url postgres://llmproxy@db.local/new`,
    )
    .action(restore);
}

async function backup(named: string | undefined, flags: BackupFlags): Promise<void> {
  const at = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const file = named ?? `llmproxy-${at}Z.gz`;
  if (file === '-' && process.stdout.isTTY) {
    throw usageError(
      'a backup cannot be written to a terminal',
      'name a file, or redirect the output',
    );
  }
  if (file === '-' && flags.json) throw usageError('--json needs a file for the backup');
  const { writeBackup } = await import('../../db/backup/write-backup.js');
  // The gateway makes these from rows.
  const made = ['usage_folds', 'usage_folded'];
  const without = flags.requests === false ? ['request_logs', 'usage_rollups', ...made] : made;
  const summary = await withDatabase(flags, 'read', async (sql) => {
    const out = file === '-' ? process.stdout : await newFile(file);
    const remove = () => rmSync(file, { force: true });
    if (file !== '-') process.once('exit', remove);
    const done = await withProgress('writing the backup', flags.json, () =>
      writeBackup(sql, out, { version: packageVersion, without }),
    );
    process.off('exit', remove);
    return done;
  });
  if (flags.json) printJson({ file, ...summary });
  else {
    const line = file === '-' ? note : print;
    line(`wrote ${file === '-' ? 'the backup' : file}: ${describe(summary)}`);
    note(
      'keep the secret key too, without which its provider keys cannot be read: docs/secrets.md',
    );
  }
}

/** Never replaces a file; readable by its owner alone. */
async function newFile(file: string): Promise<WriteStream> {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 });
  try {
    await once(out, 'open');
    return out;
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (!isThere) throw new CliError(`cannot write ${file}: ${errorMessage(error)}`);
    throw new CliError(`${file} exists, and is not replaced`, { hint: 'name a new file' });
  }
}

async function restore(file: string, flags: DatabaseFlags): Promise<void> {
  if (file !== '-') {
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) throw usageError(`there is no file ${file}`);
    if (found.isDirectory()) throw usageError(`${file} is a directory`);
  }
  const [{ restoreBackup }, { BackupReader }] = await Promise.all([
    import('../../db/backup/restore-backup.js'),
    import('../../db/backup/backup-reader.js'),
  ]);
  const { findDaemon } = await import('../daemon/running-daemon.js');
  const { describeDbUrl } = await import('../../db/db-url.js');
  let problem: string | null = null;
  const summary = await withDatabase(flags, 'owner', async (sql, settings) => {
    const running = findDaemon(settings.data_dir);
    const { url } = settings.database;
    // Its data may move to another database; restoreBackup finds a gateway on this one too.
    if (running && (url === null || describeDbUrl(url) === running.database)) {
      throw new CliError(`a gateway runs here (pid ${running.control.pid})`, {
        hint: 'stop it first: llmproxy stop',
      });
    }
    const packed = file === '-' ? process.stdin : createReadStream(file);
    const unpacked = packed.pipe(createGunzip());
    packed.on('error', (error: Error) => unpacked.destroy(error));
    const done = await withProgress('restoring', flags.json, () =>
      restoreBackup(sql, new BackupReader(unpacked)),
    );
    const { Secrets } = await import('../../daemon/secrets/secrets.js');
    const isEmpty = done.rows.secret_key === 0;
    problem = isEmpty
      ? null
      : await Secrets.open(settings)
          .then((secrets) => secrets.keys.current(sql))
          .then(() => null, errorMessage);
    return done;
  });
  if (flags.json) printJson(summary);
  else print(`restored the backup of ${visible(summary.head.at)}: ${describe(summary)}`);
  if (problem !== null) warn(problem, flags.json);
}

function describe({ rows }: BackupSummary): string {
  return [
    counted(rows.providers ?? 0, 'provider'),
    counted(rows.credentials ?? 0, 'key'),
    counted(rows.request_logs ?? 0, 'request'),
  ].join(', ');
}
