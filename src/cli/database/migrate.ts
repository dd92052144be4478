import { Command } from 'commander';
import type { MigrationState } from '../../db/migrate.js';
import { visible } from '../../observe/visible.js';
import { wholeNumber } from '../arguments.js';
import { print, printJson, printTable } from '../output.js';
import { withProgress } from '../progress.js';
import { confirmDeletion } from '../prompt.js';
import { localTime } from '../times.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from './connection.js';

/** `llmproxy migrate …`: migrates the database, as `serve` does at its start. */
export function migrateCommand(): Command {
  const command = new Command('migrate').description('apply and undo database migrations');
  command.addCommand(
    addDatabaseOptions(new Command('up'))
      .description('apply all pending migrations')
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy migrate up
  $ DB_URL=postgres://llmproxy@db.example.com/llmproxy llmproxy migrate up`,
      )
      .action(up),
  );
  command.addCommand(
    addDatabaseOptions(
      new Command('down')
        .option('--steps <n>', 'how many to undo', wholeNumber('--steps', 1, 10_000), 1)
        .option('--yes', 'do not ask'),
    )
      .description('undo the newest migrations; undoing the first deletes all data')
      .addHelpText('after', '\nExample:\n  $ llmproxy migrate down --steps 1 --yes')
      .action(down),
  );
  command.addCommand(
    addDatabaseOptions(new Command('status'))
      .description('list the migrations and whether they are applied')
      .addHelpText('after', '\nExample:\n  $ llmproxy migrate status --json')
      .action(status),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy migrate status');
}

async function up(flags: DatabaseFlags): Promise<void> {
  const { migrateUp } = await import('../../db/migrate.js');
  const applied = await withDatabase(flags, 'owner', (sql) =>
    withProgress('applying migrations', flags.json, () => migrateUp(sql)),
  );
  if (flags.json) printJson({ applied: applied.map(migrationJson) });
  else if (applied.length === 0) print('nothing to apply: the database is up to date');
  else for (const migration of applied) print(`applied ${title(migration)}`);
}

async function down(flags: DatabaseFlags & { steps: number; yes?: boolean }): Promise<void> {
  const { migrateDown, migrationStatus } = await import('../../db/migrate.js');
  const undone = await withDatabase(flags, 'owner', async (sql) => {
    const applied = (await migrationStatus(sql)).filter(({ appliedAt }) => appliedAt !== null);
    const last = applied.slice(-flags.steps);
    if (last.length > 0) {
      const what = `what these migrations made: ${last.map(title).join(', ')}`;
      await confirmDeletion({ what, yes: flags.yes, json: flags.json });
    }
    return await withProgress('undoing migrations', flags.json, () =>
      migrateDown(sql, flags.steps),
    );
  });
  if (flags.json) printJson({ undone: undone.map(migrationJson) });
  else if (undone.length === 0) print('nothing to undo: no migration is applied');
  else for (const migration of undone) print(`undone ${title(migration)}`);
}

async function status(flags: DatabaseFlags): Promise<void> {
  const { migrationStatus } = await import('../../db/migrate.js');
  const migrations = await withDatabase(flags, 'any', (sql) => migrationStatus(sql));
  if (flags.json) {
    printJson(migrations.map(migrationJson));
    return;
  }
  printTable(migrations, [
    { header: 'VERSION', value: ({ version }) => String(version).padStart(4, '0') },
    { header: 'NAME', value: ({ name }) => name, shrinkTo: 16 },
    { header: 'APPLIED', value: ({ appliedAt }) => (appliedAt ? localTime(appliedAt) : 'pending') },
  ]);
}

function migrationJson({ version, name, appliedAt }: MigrationState) {
  return { version, name, applied_at: appliedAt };
}

function title({ version, name }: MigrationState): string {
  return `${String(version).padStart(4, '0')} ${visible(name)}`;
}
