import { hashKey, minKeyLength, previewKey } from '../secrets/credential-key.js';
import { secretMembers } from '../secrets/secret-columns.js';
import { writeYaml } from '../yaml/write-yaml.js';
import {
  documentSchema,
  keep,
  type WrittenCredential,
  type WrittenDocument,
} from './document-schema.js';
import { eachSection, type Section, sectionNames } from './kinds.js';

/** A row of the configuration with all columns, in JSON types: times are strings. */
export type StoredRow = { readonly id: number } & Readonly<Record<string, unknown>>;

/** The rows of one version of the configuration. */
export interface StoredConfiguration extends Record<Section, readonly StoredRow[]> {
  version: number;
}

/** Fields of a document that no row has, or that its label says. */
const unwritten = ['name', 'key', 'allow_short_key'];
const fieldsOf = eachSection((section) =>
  Object.keys(documentSchema.properties[section].additionalProperties.properties).filter(
    (field) => !unwritten.includes(field),
  ),
);

/**
 * Writes the configuration as a document for people and `config apply`: every field, in a stable
 * order. Secrets appear as references and hashes only.
 * @param title its first line, a comment.
 * @param sections those to write.
 */
export function writeDocument(
  stored: StoredConfiguration,
  title = `Configuration of llmproxy, version ${stored.version}.`,
  sections: readonly Section[] = sectionNames,
): string {
  const labels = credentialLabels(stored.credentials);
  const document = eachSection((section, { nameField }) => {
    if (!sections.includes(section)) return undefined;
    const rows = [...stored[section]].sort(
      (a, b) => compare(String(a[nameField]), String(b[nameField])) || a.id - b.id,
    );
    return Object.fromEntries(
      rows.map((row) => [
        section === 'credentials' ? labels.get(row.id) : String(row[nameField]),
        writtenFields(row, fieldsOf[section]),
      ]),
    );
  });
  return `${heading(title)}\n\n${writeYaml(document)}`;
}

/**
 * The label of each key in a document, by id: its name, or `name#id` where the name is not unique.
 */
export function credentialLabels(rows: readonly StoredRow[]): ReadonlyMap<number, string> {
  const counts = new Map<unknown, number>();
  for (const { name } of rows) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(
    rows.map(({ id, name }) => {
      const isPlain = counts.get(name) === 1 && !/#\d+$/.test(String(name));
      return [id, isPlain ? String(name) : `${name}#${id}`];
    }),
  );
}

/** Replaces each key in clear by its hash. A document without one is returned as it is. */
export function withoutClearKeys(document: WrittenDocument): WrittenDocument {
  const written = Object.values(document.credentials ?? {});
  const isClear = ({ key, allow_short_key }: WrittenCredential) =>
    key !== undefined || allow_short_key !== undefined;
  if (!document.credentials || !written.some(isClear)) return document;
  const credentials: [string, WrittenCredential][] = [];
  for (const [label, fields] of Object.entries(document.credentials)) {
    const { key, allow_short_key, ...others } = fields;
    if (key === undefined) credentials.push([label, others]);
    else {
      const hashed = { key_preview: previewKey(key), ...others, credential_key: hashKey(key) };
      const isShort = key.length < minKeyLength && !allow_short_key;
      credentials.push([label, isShort ? { ...hashed, allow_short_key: false } : hashed]);
    }
  }
  return { ...document, credentials: Object.fromEntries(credentials) };
}

/** True where a written secret is a reference, which may be shown. */
export function isReference(value: unknown): boolean {
  return typeof value === 'string' && /^(?:env|file):/.test(value);
}

/** Normalizes a time to UTC for comparison and output; returns other values unchanged. */
export function normalTime(field: string, value: unknown): unknown {
  if (!field.endsWith('_at') || typeof value !== 'string') return value;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? value : new Date(ms).toISOString();
}

function writtenFields(row: StoredRow, fields: readonly string[]): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const field of fields) {
    const value = row[field];
    if (value === undefined) continue;
    written[field] = shownField(field, value);
  }
  return written;
}

/** A field's value for display, with `keep` in place of each secret. */
export function shownField(field: string, value: unknown): unknown {
  if (field === 'api_key') return hidden(value);
  return field === 'provider_params' ? withHiddenParams(value) : normalTime(field, value);
}

function withHiddenParams(params: unknown): unknown {
  if (!(params instanceof Object)) return params;
  const shown: Record<string, unknown> = { ...params };
  for (const member of secretMembers) {
    const values = shown[member];
    if (values === undefined || values === null) continue;
    // A row that was written with SQL may have anything there.
    if (!(values instanceof Object) || Array.isArray(values)) {
      shown[member] = hidden(values);
      continue;
    }
    const kept = Object.entries(values).map(([name, value]) => [name, hidden(value)]);
    shown[member] = Object.fromEntries(kept);
  }
  return shown;
}

function hidden(value: unknown): unknown {
  return isReference(value) ? value : keep;
}

function heading(title: string): string {
  return `# ${title}
#
# Edit it, then see what would change, and change it:
#   llmproxy config validate FILE
#   llmproxy config plan FILE
#   llmproxy config apply FILE --message "why"
#
# What is not named here stays as it is. With --prune, entries that a section does not name are removed.
# "keep" leaves a secret as it is; to change it, write env:NAME, file:/path or the secret itself.
# Keys are shown as SHA-256 hashes. Keys that share a name are called name#id.`;
}

/** By code units, so that the order is the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
