import { stringify } from 'yaml';
import { type StoredRow, writeDocument } from '../document.js';
import type { WrittenCredential, WrittenProvider } from '../document-schema.js';
import { readDocument } from '../read-document.js';

/** What another gateway's configuration is here. */
export interface Imported {
  providers: Record<string, WrittenProvider>;
  credentials: Record<string, WrittenCredential>;
  /** What could not be carried over, and what is otherwise now: a sentence each, without secrets. */
  notes: string[];
  /** Part of a settings file: what is no provider and no key here. */
  settings: Record<string, unknown>;
}

/** Leaves out the providers and keys that the gateway could not use, and notes why. */
export function withoutUnusable(imported: Imported): Imported {
  const { problems } = readDocument('', documentText(imported));
  const left = { ...imported, notes: [...imported.notes] };
  for (const section of ['providers', 'credentials'] as const) {
    const kept = Object.entries(imported[section]).filter(([name]) => {
      const at = `${section}.${name}`;
      const [problem] = problems.filter(({ path }) => path === at || path.startsWith(`${at}.`));
      if (!problem) return true;
      const field = problem.path.slice(at.length + 1);
      const what = section === 'providers' ? 'provider' : 'key';
      left.notes.push(`${what} ${name} is left out: ${field ? `${field} ` : ''}${problem.reason}`);
      return false;
    });
    left[section] = Object.fromEntries(kept);
  }
  return left;
}

/**
 * With other names for the keys whose names are taken, so that an import never changes another key;
 * a key that is there already keeps the name that it has.
 * @param rows of the database that they are imported into.
 */
export function withFreeNames(imported: Imported, rows: readonly StoredRow[]): Imported {
  const taken = new Set(rows.map(({ name }) => name));
  const names = new Map(rows.map(({ credential_key, name }) => [credential_key, String(name)]));
  const entries = Object.entries(imported.credentials).map(([label, fields]) => {
    const { name = label } = fields;
    const there = names.get(fields.credential_key);
    if (there !== undefined) return [label, { ...fields, name: there }];
    if (!taken.has(name)) return [label, fields];
    return [`${label} (imported)`, { ...fields, name: `${name} (imported)` }];
  });
  return { ...imported, credentials: Object.fromEntries(entries) };
}

/** The document as `config apply` takes it, with secrets. */
export function documentText({ providers, credentials }: Imported): string {
  return stringify({ providers, credentials }, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The same for people: in the place of each secret stands `keep`. */
export function shownDocument({ providers, credentials }: Imported, title: string): string {
  const rows = <T extends object>(entries: Record<string, T>, column: string) =>
    Object.entries(entries).map(([name, fields], id) => ({ [column]: name, ...fields, id }));
  const stored = {
    version: 0,
    providers: rows(providers, 'provider_key'),
    credentials: rows(credentials, 'name'),
  };
  return writeDocument(stored, title);
}
