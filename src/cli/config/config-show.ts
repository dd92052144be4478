import type { StoredConfiguration } from '../../config/document.js';
import { documentSchema } from '../../config/document-schema.js';
import type { HistoryEntry } from '../../db/queries/config-history.js';
import { type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError } from '../failure.js';
import { counted, note, paint, print, printJson, printTable } from '../output.js';
import { problemText, readDocumentFile } from './config-document.js';

/** Writes the configuration as a document. */
export async function exportConfig(flags: DatabaseFlags): Promise<void> {
  const { readStoredConfiguration } = await import('../../db/queries/read-stored-configuration.js');
  const stored = await withDatabase(flags, 'read', (sql) => readStoredConfiguration(sql));
  await printDocument(stored, flags.json);
}

/** Checks a document without the database or the daemon. */
export async function validateConfig(file: string, flags: { json?: boolean }): Promise<void> {
  const { source, text } = await readDocumentFile(file);
  const { readDocument } = await import('../../config/read-document.js');
  const { document, problems } = readDocument(source, text);
  if (flags.json) {
    printJson({
      valid: document !== null,
      total: problems.total,
      problems: problems.first.map(({ line, column, path, reason }) => ({
        line,
        column,
        path,
        reason,
      })),
    });
  } else if (document) {
    const providers = Object.keys(document.providers ?? {}).length;
    const keys = Object.keys(document.credentials ?? {}).length;
    print(`${source} is valid: ${counted(providers, 'provider')}, ${counted(keys, 'key')}`);
  } else {
    for (const problem of problems.first)
      note(`${paint('red', 'error:', process.stderr)} ${problemText(problem)}`);
    const more = problems.total - problems.first.length;
    if (more > 0) note(`… and ${counted(more, 'more problem')}`);
  }
  if (document === null) process.exitCode = 1;
}

/** Shows the configuration, that of a version, or the source of each value. */
export async function showConfig(
  version: number | undefined,
  flags: DatabaseFlags & { origin?: boolean },
): Promise<void> {
  if (flags.origin) {
    const { printOrigins } = await import('./config-origin.js');
    await printOrigins(flags);
  } else if (version === undefined) await exportConfig(flags);
  else {
    const { readVersion } = await import('../../db/queries/config-history.js');
    const read = await withDatabase(flags, 'read', (sql) => readVersion(sql, version));
    if ('oldest' in read) {
      throw new CliError(
        `there is no version ${version}: those from ${read.oldest} to ${read.newest} are kept`,
        { hint: 'see them with: llmproxy config history' },
      );
    }
    await printDocument(read.target, flags.json);
  }
}

/** Lists versions, newest first. */
export async function showHistory(flags: DatabaseFlags & { limit: number }): Promise<void> {
  const [{ listHistory }, { describeChanges }] = await Promise.all([
    import('../../db/queries/config-history.js'),
    import('../../changes/describe-history.js'),
  ]);
  const { limit } = flags;
  const entries = await withDatabase(flags, 'read', (sql) => listHistory(sql, { limit }));
  if (flags.json) {
    printJson(entries);
    return;
  }
  printTable(entries, [
    { header: 'VERSION', value: ({ version }) => String(version), align: 'right' },
    { header: 'WHEN', value: ({ at }) => shortTime(at) },
    { header: 'WHO', value: ({ actor }) => actor, shrinkTo: 10 },
    { header: 'HOW', value: ({ source }) => source },
    { header: 'WHAT AND WHY', value: (entry) => whatAndWhy(entry, describeChanges), shrinkTo: 20 },
  ]);
}

/** Prints the JSON Schema, which is the file in the package. */
export function printSchema(): void {
  print(JSON.stringify(documentSchema, null, 2));
}

async function printDocument(stored: StoredConfiguration, json?: boolean): Promise<void> {
  const { writeDocument } = await import('../../config/document.js');
  const text = writeDocument(stored);
  if (!json) {
    print(text.trimEnd());
    return;
  }
  const { load } = await import('js-yaml');
  printJson({ version: stored.version, ...(load(text) as object) });
}

function whatAndWhy(entry: HistoryEntry, describe: (entry: HistoryEntry) => string): string {
  return [describe(entry), entry.message].filter(Boolean).join(': ');
}

/** Formats a time to the second, in UTC. */
export function shortTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}
