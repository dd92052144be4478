import {
  credentialLabels,
  type StoredRow,
  shownField,
  writeDocument,
} from '../../config/documents/document.js';
import { keep } from '../../config/documents/document-schema.js';
import type { DescribedSetting } from '../../config/settings/settings.js';
import { settingsOfDaemon } from '../daemon/ask-daemon.js';
import { resolveForUse } from '../daemon/settings.js';
import { type DatabaseFlags, settingsFlags, withDatabase } from '../database/connection.js';
import { note, paint, print, printJson, printTable } from '../output.js';

/** A value and its source. */
interface Origin {
  name: string;
  value: unknown;
  from: string;
}

/** Prints settings, and fields of providers and keys, each with its source. */
export async function printOrigins(flags: DatabaseFlags): Promise<void> {
  const { describeSettings } = await import('../../config/settings/settings.js');
  const resolved = await resolveForUse(settingsFlags(flags), flags.json);
  const running = await settingsOfDaemon(resolved.settings);
  const settings = (running ?? describeSettings(resolved)).map(settingOrigin);
  const configuration = await withDatabase(flags, 'read', async (sql, { overrides_dir }) => {
    const { readStoredConfiguration } = await import(
      '../../db/queries/configuration/read-stored-configuration.js'
    );
    return await fieldOrigins(await readStoredConfiguration(sql), overrides_dir ?? '');
  });
  if (flags.json) {
    printJson({ daemon: running !== null, settings, configuration });
    return;
  }
  if (running === null) note('no daemon runs here: these are the settings that it would have');
  table('Settings', 'SETTING', settings);
  print('');
  table('Providers and keys', 'FIELD', configuration);
}

function table(title: string, header: string, rows: readonly Origin[]): void {
  print(paint('bold', title));
  printTable(rows, [
    { header, value: ({ name }) => name, shrinkTo: 40 },
    { header: 'VALUE', value: ({ value }) => text(value), shrinkTo: 12 },
    { header: 'FROM', value: ({ from }) => from.replace(/^file .*\//, 'file '), shrinkTo: 24 },
  ]);
}

function settingOrigin({ name, value, origin, source }: DescribedSetting): Origin {
  return { name, value, from: source === null ? origin : `${origin} ${source}` };
}

async function fieldOrigins(
  stored: Parameters<typeof writeDocument>[0],
  overridesDir: string,
): Promise<Origin[]> {
  const [{ load }, { readOverrideFiles }, { parseOverride }] = await Promise.all([
    import('js-yaml'),
    import('../../daemon/follow/override-files.js'),
    import('../../config/overrides.js'),
  ]);
  const found = new Map<string, Origin>();
  const put = (path: string, fields: object, from: string) => {
    for (const [field, value] of Object.entries(fields)) {
      const name = `${path}.${field}`;
      found.set(name, { name, value: shownField(field, value), from });
    }
  };
  const { providers, credentials } = load(writeDocument(stored)) as Record<
    'providers' | 'credentials',
    Record<string, object>
  >;
  for (const [key, fields] of Object.entries(providers)) {
    put(`providers.${key}`, fields, 'database');
  }
  for (const [label, fields] of Object.entries(credentials)) {
    put(`credentials.${label}`, fields, 'database');
  }
  for (const file of await readOverrideFiles(overridesDir)) {
    const override = parseOverride(file, []);
    for (const [key, fields] of override.providers) {
      put(`providers.${key}`, fields, `file ${file.path}`);
    }
    for (const [name, fields] of override.credentials) {
      for (const label of labelsOf(stored.credentials, name)) {
        put(`credentials.${label}`, fields, `file ${file.path}`);
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The labels of all keys that an override of this name affects, or of the key that it adds. */
function labelsOf(rows: readonly StoredRow[], name: string): string[] {
  const labels = credentialLabels(rows);
  const same = rows.filter((row) => row.name === name).map(({ id }) => labels.get(id) ?? name);
  return same.length > 0 ? same : [name];
}

function text(value: unknown): string {
  if (value === keep) return '(secret)';
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
