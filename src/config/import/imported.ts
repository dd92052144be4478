import { isReference, type StoredRow, writeDocument } from '../documents/document.js';
import type { WrittenCredential, WrittenProvider } from '../documents/document-schema.js';
import { eachSection } from '../documents/kinds.js';
import { readDocument } from '../documents/read-document.js';
import { writeYaml } from '../yaml/write-yaml.js';
import { type PlacedProblem, pathPrefixes } from '../yaml/yaml-places.js';

/** Another gateway's configuration, converted. */
export interface Imported {
  providers: Record<string, WrittenProvider>;
  credentials: Record<string, WrittenCredential>;
  /** Things that were not converted or will behave differently: one sentence each, without secrets. */
  notes: string[];
  /** Part of a settings file: everything but providers and keys. */
  settings: Record<string, unknown>;
}

/** Removes providers and keys that the gateway could not use, and notes the reasons. */
export function withoutUnusable(imported: Imported): Imported {
  const { problems } = readDocument('', documentText(imported), Number.POSITIVE_INFINITY);
  const left = { ...imported, notes: [...imported.notes] };
  for (const section of ['providers', 'credentials'] as const) {
    const entries = imported[section];
    const problemOf = new Map<string, PlacedProblem>();
    for (const problem of problems.first) {
      if (!problem.path.startsWith(`${section}.`)) continue;
      const rest = problem.path.slice(section.length + 1);
      const name = pathPrefixes(rest).find((each) => Object.hasOwn(entries, each));
      if (name !== undefined && !problemOf.has(name)) problemOf.set(name, problem);
    }
    const kept = Object.entries(entries).filter(([name]) => {
      const problem = problemOf.get(name);
      if (!problem) return true;
      const field = problem.path.slice(`${section}.${name}.`.length);
      const what = section === 'providers' ? 'provider' : 'key';
      left.notes.push(`${what} ${name} is left out: ${field ? `${field} ` : ''}${problem.reason}`);
      return false;
    });
    left[section] = Object.fromEntries(kept);
  }
  return left;
}

/** A key of the target database. */
export interface StoredKey {
  /** SHA-256 of the key, lower-case hex. */
  credential_key: string;
  name: string;
}

/** The keys in an exported document. */
export function storedKeys(exported: string): StoredKey[] {
  const { document } = readDocument('', exported);
  return Object.entries(document?.credentials ?? {}).map(([label, { credential_key = '' }]) => ({
    credential_key,
    // The export adds an id to each name that is not unique, or that ends like one.
    name: label.replace(/#\d+$/, ''),
  }));
}

/**
 * Renames keys whose names are taken, so that an import never changes another key; a key that
 * already exists keeps its name.
 * @param stored keys of the target database.
 */
export function withFreeNames(imported: Imported, stored: readonly StoredKey[]): Imported {
  const taken = new Set(stored.map(({ name }) => name));
  const names = new Map(stored.map(({ credential_key, name }) => [credential_key, name]));
  const entries = Object.entries(imported.credentials).map(([label, fields]) => {
    const { name = label } = fields;
    const there = names.get(fields.credential_key ?? '');
    if (there !== undefined) return [label, { ...fields, name: there }];
    if (!taken.has(name)) return [label, fields];
    return [`${label} (imported)`, { ...fields, name: `${name} (imported)` }];
  });
  return { ...imported, credentials: Object.fromEntries(entries) };
}

/** The document for `config apply`, with secrets. */
export function documentText({ providers, credentials }: Imported): string {
  return writeYaml({ providers, credentials });
}

/**
 * The same without secrets, still a document that can be planned and applied: each key of a
 * provider is a variable to be set, and headers, which may be secrets, are left out.
 */
export function withoutSecrets(imported: Imported): Imported {
  const notes = [...imported.notes];
  const providers = Object.entries(imported.providers).map(([name, fields]) => {
    const { api_key, provider_params, ...others } = fields;
    const { headers = {}, ...params } = provider_params ?? {};
    // A name may begin with a digit, a variable not.
    const variable = name
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, '_')
      .replace(/^(?=\d)/, '_');
    const named = isReference(api_key) ? api_key : `env:${variable}_API_KEY`;
    if (named !== api_key) notes.push(`provider ${name}: its key is to be set as ${named}`);
    const left = Object.keys(headers).sort();
    if (left.length > 0) notes.push(`provider ${name}: without its headers ${left.join(', ')}`);
    const written = {
      ...others,
      api_key: named,
      ...(provider_params && { provider_params: params }),
    };
    return [name, written as WrittenProvider] as const;
  });
  return { ...imported, providers: Object.fromEntries(providers), notes };
}

/** The document for people. */
export function shownDocument({ providers, credentials }: Imported, title: string): string {
  const rows = <T extends object>(entries: Record<string, T>, column: string) =>
    Object.entries(entries).map(([name, fields], id) => ({ [column]: name, ...fields, id }));
  const stored = {
    ...eachSection((): StoredRow[] => []),
    version: 0,
    providers: rows(providers, 'provider_key'),
    credentials: rows(credentials, 'name'),
  };
  return writeDocument(stored, title);
}
