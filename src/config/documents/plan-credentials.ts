import { newCredential } from '../configuration.js';
import { minKeyLength } from '../secrets/credential-key.js';
import { type Change, differs, type PlanProblem } from './change.js';
import { credentialLabels, type StoredConfiguration, type StoredRow } from './document.js';
import type { WrittenCredential, WrittenDocument } from './document-schema.js';

/** Plans the changes of client keys, whose names need not be unique. */
export function planCredentials(
  base: StoredConfiguration,
  { credentials }: WrittenDocument,
  prune: boolean,
  problems: PlanProblem[],
): Change[] {
  if (!credentials) return [];
  const changes: Change[] = [];
  const { rowOf, others } = matchCredentials(base.credentials, credentials, problems);
  const labels = credentialLabels(base.credentials);
  const added = new Map<string, string>();
  for (const [label, written] of Object.entries(credentials)) {
    const { allow_short_key: isAllowed } = written;
    const fields = isAllowed === undefined ? written : withoutFlag(written);
    const before = rowOf.get(label);
    if (before === null) continue;
    if (isAllowed === false && fields.credential_key !== before?.credential_key) {
      const reason = `must have ${minKeyLength} characters or more; to take over an old one, say "allow_short_key: true"`;
      problems.push({ path: `credentials.${label}.key`, reason });
    }
    const name = fields.name ?? (before ? nameIn(label, before) : label.replace(hasId, ''));
    if (!before) {
      const after = Object.assign({ ...newCredential }, fields, { name });
      if (fields.credential_key === undefined) {
        const reason = 'no key has this name, and a new one needs "credential_key" or "key"';
        problems.push({ path: `credentials.${label}`, reason });
      }
      const other = added.get(name);
      // An export of another gateway tells keys of one name apart by its ids.
      if (other !== undefined && !(hasId.test(label) && hasId.test(other))) {
        const reason = `is new, and so is "${other}" with the same name "${name}"`;
        problems.push({ path: `credentials.${label}`, reason });
      }
      added.set(name, label);
      changes.push({ kind: 'key', action: 'create', name: label, id: null, before: null, after });
      continue;
    }
    // The existing preview would be wrong for another key.
    const isOther =
      fields.credential_key !== undefined && fields.credential_key !== before.credential_key;
    const after = { ...before, ...(isOther && { key_preview: '' }), ...fields, name };
    if (!differs(before, after)) continue;
    const called = labels.get(before.id) ?? label;
    changes.push({ kind: 'key', action: 'update', name: called, id: before.id, before, after });
  }
  for (const before of prune ? others : []) {
    const name = labels.get(before.id) ?? '';
    changes.push({ kind: 'key', action: 'delete', name, id: before.id, before, after: null });
  }
  return changes;
}

/**
 * Finds the row of each entry: the one with its hash, so that a key can be renamed; else the one
 * with its id and name; else the only one with its name. Undefined: a new row; null: a problem.
 */
function matchCredentials(
  rows: readonly StoredRow[],
  entries: Record<string, WrittenCredential>,
  problems: PlanProblem[],
) {
  const left = new Map(rows.map((row) => [row.id, row]));
  const byHash = new Map(rows.map((row) => [row.credential_key, row]));
  const rowOf = new Map<string, StoredRow | null | undefined>();
  const take = (label: string, row: StoredRow | undefined) => {
    if (!row) return false;
    rowOf.set(label, row);
    return left.delete(row.id);
  };
  for (const [label, { credential_key }] of Object.entries(entries)) {
    if (credential_key !== undefined) take(label, byHash.get(credential_key));
  }
  const named = new Map<string, StoredRow[]>();
  for (const row of left.values()) {
    const name = String(row.name);
    const same = named.get(name);
    if (same) same.push(row);
    else named.set(name, [row]);
  }
  for (const label of Object.keys(entries)) {
    if (rowOf.has(label)) continue;
    const [, name = '', id = ''] = /^(.*)#(\d+)$/s.exec(label) ?? [];
    const byId = id === '' ? undefined : left.get(Number(id));
    if (byId && byId.name === name && take(label, byId)) continue;
    const same = (named.get(label) ?? []).filter((row) => left.has(row.id));
    if (same.length > 1) {
      const each = same.slice(0, 5).map((row) => `"${label}#${row.id}"`);
      if (same.length > each.length) each.push('another of them');
      const reason = `${same.length} keys have this name: write ${each.join(' or ')}`;
      problems.push({ path: `credentials.${label}`, reason });
      rowOf.set(label, null);
      for (const row of same) left.delete(row.id);
    } else take(label, same[0]);
  }
  return { rowOf, others: left.values() };
}

function withoutFlag({ allow_short_key, ...fields }: WrittenCredential): WrittenCredential {
  return fields;
}

/** The id that makes a label unique. */
const hasId = /#\d+$/;

/** The name that an entry gives to its row: its label without the id that makes it unique. */
function nameIn(label: string, { id, name }: StoredRow): string {
  if (label === name || label === `${name}#${id}`) return String(name);
  return label.replace(hasId, '');
}
