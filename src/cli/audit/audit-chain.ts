import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import { wholeNumber } from '../arguments.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { paint, print, printJson } from '../output.js';

/** `llmproxy audit verify`: checks that the log was not altered. */
export function auditVerifyCommand(): Command {
  return addDatabaseOptions(
    new Command('verify')
      .description('check that nothing in the audit log was changed or removed')
      .option('--against <file>', 'check that the log continues this earlier export'),
  )
    .addHelpText(
      'after',
      `
A hash binds each entry to all entries before it. The owner of the database
could recompute all hashes, or remove the newest entries: an export kept
elsewhere reveals that too. Exits with 1 if the log was altered.

Examples:
  $ llmproxy audit verify
  $ llmproxy audit verify --against /backup/audit.jsonl`,
    )
    .action(verify);
}

/** `llmproxy audit export`: prints the log with its hashes. */
export function auditExportCommand(): Command {
  return addDatabaseOptions(
    new Command('export')
      .description('print the audit log with its hashes, to keep elsewhere')
      .option(
        '--after <place>',
        'only entries after this place of an earlier export',
        wholeNumber('--after', 0, Number.MAX_SAFE_INTEGER),
        0,
      ),
  )
    .addHelpText(
      'after',
      `
One JSON object per line, oldest first. "hash" is the SHA-256 of the text of
"previous" followed by the text of "entry".

Examples:
  $ llmproxy audit export > audit.jsonl
  $ llmproxy audit export --after 1200 >> audit.jsonl`,
    )
    .action(exportLog);
}

async function verify({ against, ...flags }: DatabaseFlags & { against?: string }): Promise<void> {
  const { verifyAudit, verifyExport } = await import('../../db/verify-audit.js');
  const last = against === undefined ? undefined : verifyExport(await readExport(against));
  const head = await withDatabase(flags, 'read', (sql) => verifyAudit(sql, last));
  if (flags.json) {
    printJson(head);
    return;
  }
  print(paint('green', `the audit log is intact: ${counted(head.entries, 'change')}`));
  print(`place ${head.place}, hash ${head.hash}`);
}

async function readExport(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`--against: ${errorMessage(error)}`);
  }
}

async function exportLog({ after, ...flags }: DatabaseFlags & { after: number }): Promise<void> {
  const [{ readAuditChain }, { formatLink, noHash }] = await Promise.all([
    import('../../db/queries/audit/audit-chain.js'),
    import('../../db/verify-audit.js'),
  ]);
  await withDatabase(flags, 'read', async (sql) => {
    let previous = after === 0 ? noHash : null;
    for await (const link of readAuditChain(sql, Math.max(0, after - 1))) {
      if (link.place > after && link.entry !== null) {
        if (previous === null) throw notKept(after);
        const line = formatLink(link, previous);
        const shown = process.stdout.isTTY === true ? visible(line) : line;
        const isTaken = process.stdout.write(`${shown}\n`);
        // main.ts handles a reader that has left, which is not a failure.
        if (!isTaken && process.stdout.writable)
          await once(process.stdout, 'drain').catch(() => {});
      }
      previous = link.hash;
    }
  });
}

function notKept(place: number): CliError {
  return new CliError(`the log no longer keeps the hash of place ${place}`, {
    hint: 'export it all, without --after',
  });
}
