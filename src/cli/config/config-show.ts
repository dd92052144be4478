import { documentSchema } from '../../config/documents/document-schema.js';
import type { HistoryEntry } from '../../db/queries/configuration/config-history.js';
import { GatewayError } from '../../errors.js';
import { counted } from '../../observe/counted.js';
import { type AsJson, withAdminApi } from '../admin-api.js';
import { remoteUrl } from '../daemon/remote-gateway.js';
import type { DatabaseFlags } from '../database/connection.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { note, paint, print, printJson, printTable } from '../output.js';
import { localZone, timeIn } from '../times.js';
import { problemText, readDocumentFile } from './config-document.js';

/** Writes the configuration as a document. */
export async function exportConfig({
  sections,
  ...flags
}: DatabaseFlags & { sections?: string }): Promise<void> {
  const path = `/config/export${sections === undefined ? '' : `?sections=${sections}`}`;
  await printDocument(await withAdminApi(flags, 'read', (api) => api.text(path)), flags);
}

/** Checks a document without the database or the daemon. */
export async function validateConfig(file: string, flags: { json?: boolean }): Promise<void> {
  const { source, text } = await readDocumentFile(file);
  const { readDocument } = await import('../../config/documents/read-document.js');
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
    if (await namesSettings(problems.first))
      note('settings are checked with: llmproxy doctor --config FILE');
  }
  if (document === null) process.exitCode = 1;
}

/** Shows the configuration, a version of it, or the source of each value. */
export async function showConfig(
  version: number | undefined,
  flags: DatabaseFlags & { origin?: boolean },
): Promise<void> {
  if (flags.origin) {
    if (remoteUrl(flags)) throw usageError('--origin shows this machine, not that of --gateway');
    const { printOrigins } = await import('./config-origin.js');
    await printOrigins(flags);
  } else if (version === undefined) await exportConfig(flags);
  else {
    const text = await withAdminApi(flags, 'read', (api) =>
      api.text(`/config/versions/${version}`).catch((error: unknown) => {
        if (!(error instanceof GatewayError) || error.code !== 'not_found') throw error;
        throw new CliError(errorMessage(error), { hint: 'see them with: llmproxy config history' });
      }),
    );
    await printDocument(text, flags);
  }
}

/** Lists versions, newest first. */
export async function showHistory(flags: DatabaseFlags & { limit: number }): Promise<void> {
  const { describeChanges } = await import('../../changes/describe-history.js');
  const { versions: entries } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ versions: AsJson<HistoryEntry>[] }>('GET', `/config/history?limit=${flags.limit}`),
  );
  if (flags.json) {
    printJson(entries);
    return;
  }
  const zone = localZone();
  note(`times in ${zone}`);
  printTable(entries, [
    { header: 'VERSION', value: ({ version }) => String(version), align: 'right' },
    { header: 'WHEN', value: ({ at }) => timeIn(zone, new Date(at)) },
    { header: 'WHO', value: ({ actor }) => actor, shrinkTo: 10 },
    { header: 'HOW', value: ({ source }) => source },
    { header: 'WHAT AND WHY', value: (entry) => whatAndWhy(entry, describeChanges), shrinkTo: 20 },
  ]);
}

/** Prints the package's JSON Schema file. */
export function printSchema(): void {
  print(JSON.stringify(documentSchema, null, 2));
}

async function printDocument(text: string, { json }: DatabaseFlags): Promise<void> {
  if (!json) {
    print(text.trimEnd());
    return;
  }
  const { parseYaml } = await import('../../config/yaml/parse-yaml.js');
  const version = Number(/^# .*version (\d+)\.$/m.exec(text)?.[1]);
  printJson({ version, ...(parseYaml('', text, []) as object) });
}

function whatAndWhy(
  entry: AsJson<HistoryEntry>,
  describe: (entry: AsJson<HistoryEntry>) => string,
): string {
  return [describe(entry), entry.message].filter(Boolean).join(': ');
}

/** Is a settings file mistaken for a document of providers and keys? */
async function namesSettings(
  problems: readonly { path: string; reason: string }[],
): Promise<boolean> {
  const { settingsSchema } = await import('../../config/settings/settings-schema.js');
  return problems.some(
    ({ path, reason }) =>
      path === '' &&
      Object.hasOwn(settingsSchema.properties, /^unknown field "(\w+)"/.exec(reason)?.[1] ?? ''),
  );
}
