import { newCredential, newProvider, newTeam } from './configuration.js';
import { minKeyLength } from './credential-key.js';
import {
  credentialLabels,
  normalTime,
  type StoredConfiguration,
  type StoredRow,
} from './document.js';
import { keep, type WrittenCredential, type WrittenDocument } from './document-schema.js';
import { eachSection, type Kind, kindNames, kinds } from './kinds.js';
import { type NamedSection, namedSectionNames, namedSections, newNamed } from './named.js';
import { secretMembers } from './secret-columns.js';

/** The creation, change or deletion of one row. */
export interface Change {
  kind: Kind;
  action: 'create' | 'update' | 'delete';
  /** The provider's key, the team's name, or the label of a client key in documents. */
  name: string;
  /** Null for a new row, which has no id yet. */
  id: number | null;
  before: StoredRow | null;
  /** All columns of a changed row; the known columns of a new one. */
  after: Readonly<Record<string, unknown>> | null;
}

/** Changes of rows, based on one version of them. */
export interface Plan {
  base: StoredConfiguration;
  changes: readonly Change[];
}

/** Something impossible in a document; `path` is its place there. */
export interface PlanProblem {
  path: string;
  reason: string;
}

/** Columns that are not part of the configuration. */
const bookkeeping = new Set(['id', 'created_at', 'updated_at', 'last_used_at']);

/**
 * Plans the changes that bring the rows in line with a document. Fields and rows that it does not
 * name stay; `prune` deletes such rows in the sections that it has.
 */
export function planDocument(
  base: StoredConfiguration,
  document: WrittenDocument,
  { prune }: { prune: boolean },
): { plan: Plan; problems: PlanProblem[] } {
  const problems: PlanProblem[] = [];
  const changes = [
    ...planProviders(base, document, prune, problems),
    ...planTeams(base, document, prune),
    ...planCredentials(base, document, prune, problems),
    ...namedSectionNames.flatMap((section) => planNamed(base, section, document, prune, problems)),
  ];
  const plan = { base, changes: changes.sort(inOrder) };
  problems.push(...missingTeams(plan));
  return { plan, problems };
}

/** Plans the changes that restore the rows of `target`. */
export function planReturn(base: StoredConfiguration, target: StoredConfiguration): Plan {
  const changes: Change[] = [];
  const compare = (
    kind: Kind,
    now: readonly StoredRow[],
    then: readonly StoredRow[],
    nameOf: (row: StoredRow) => string,
  ) => {
    const before = new Map(now.map((row) => [row.id, row]));
    const kept = new Set(then.map(({ id }) => id));
    for (const row of then) {
      const current = before.get(row.id);
      if (!current) {
        const { updated_at, ...after } = row;
        changes.push({
          kind,
          action: 'create',
          name: nameOf(row),
          id: row.id,
          before: null,
          after,
        });
      } else if (differs(current, row)) {
        const after = { ...current, ...row };
        changes.push({
          kind,
          action: 'update',
          name: nameOf(row),
          id: row.id,
          before: current,
          after,
        });
      }
    }
    for (const row of now) {
      if (kept.has(row.id)) continue;
      changes.push({
        kind,
        action: 'delete',
        name: nameOf(row),
        id: row.id,
        before: row,
        after: null,
      });
    }
  };
  const labels = new Map([
    ...credentialLabels(target.credentials),
    ...credentialLabels(base.credentials),
  ]);
  for (const { kind, section, nameField } of kinds) {
    compare(kind, base[section], target[section], (row) =>
      kind === 'key' ? (labels.get(row.id) ?? '') : String(row[nameField]),
    );
  }
  return { base, changes: changes.sort(inOrder) };
}

/** The rows after a plan; new ones have negative ids. */
export function rowsAfter({ base, changes }: Plan): StoredConfiguration {
  let newId = 0;
  const apply = (kind: Kind, rows: readonly StoredRow[]) => {
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const change of changes) {
      if (change.kind !== kind) continue;
      const id = change.id ?? --newId;
      if (change.after === null) byId.delete(id);
      else byId.set(id, change.id === null ? { ...change.after, id } : (change.after as StoredRow));
    }
    return [...byId.values()];
  };
  const rows = eachSection((section, { kind }) => apply(kind, base[section]));
  return { version: base.version, ...rows };
}

function planProviders(
  base: StoredConfiguration,
  { providers }: WrittenDocument,
  prune: boolean,
  problems: PlanProblem[],
): Change[] {
  if (!providers) return [];
  const changes: Change[] = [];
  const rows = new Map(base.providers.map((row) => [String(row.provider_key), row]));
  for (const [name, fields] of Object.entries(providers)) {
    const before = rows.get(name) ?? null;
    rows.delete(name);
    const at = `providers.${name}`;
    const written: Record<string, unknown> = { ...fields };
    keepSecret(written, 'api_key', before?.api_key, at, problems);
    for (const member of secretMembers) {
      const given = fields.provider_params?.[member];
      if (!given) continue;
      const values = { ...given };
      const stored = (before?.provider_params as typeof fields.provider_params)?.[member] ?? {};
      for (const each of Object.keys(values)) {
        keepSecret(values, each, stored[each], `${at}.provider_params.${member}`, problems);
      }
      written.provider_params = { ...(written.provider_params as object), [member]: values };
    }
    if (before) {
      const after = { ...before, ...written };
      if (!differs(before, after)) continue;
      changes.push({ kind: 'provider', action: 'update', name, id: before.id, before, after });
      continue;
    }
    const after = { provider_key: name, ...newProvider, ...written };
    for (const field of ['api_base', 'api_key']) {
      if (!(field in written)) problems.push({ path: at, reason: `is new, and needs "${field}"` });
    }
    changes.push({ kind: 'provider', action: 'create', name, id: null, before: null, after });
  }
  for (const [name, before] of prune ? rows : []) {
    changes.push({ kind: 'provider', action: 'delete', name, id: before.id, before, after: null });
  }
  return changes;
}

function planTeams(
  base: StoredConfiguration,
  { teams }: WrittenDocument,
  prune: boolean,
): Change[] {
  if (!teams) return [];
  const changes: Change[] = [];
  const rows = new Map(base.teams.map((row) => [String(row.name), row]));
  for (const [name, fields] of Object.entries(teams)) {
    const before = rows.get(name) ?? null;
    rows.delete(name);
    if (!before) {
      const after = { ...newTeam, ...fields, name };
      changes.push({ kind: 'team', action: 'create', name, id: null, before: null, after });
      continue;
    }
    const after = { ...before, ...fields };
    if (!differs(before, after)) continue;
    changes.push({ kind: 'team', action: 'update', name, id: before.id, before, after });
  }
  for (const [name, before] of prune ? rows : []) {
    changes.push({ kind: 'team', action: 'delete', name, id: before.id, before, after: null });
  }
  return changes;
}

function planNamed(
  base: StoredConfiguration,
  section: NamedSection,
  document: WrittenDocument,
  prune: boolean,
  problems: PlanProblem[],
): Change[] {
  const written = document[section];
  if (!written) return [];
  const { kind, required } = namedSections[section];
  const changes: Change[] = [];
  const rows = new Map(base[section].map((row) => [String(row.name), row]));
  for (const [name, fields] of Object.entries(written)) {
    const before = rows.get(name) ?? null;
    rows.delete(name);
    if (!before) {
      for (const field of required) {
        if (field in fields) continue;
        problems.push({ path: `${section}.${name}`, reason: `is new, and needs "${field}"` });
      }
      const after = { ...newNamed(section, name, fields) };
      changes.push({ kind, action: 'create', name, id: null, before: null, after });
      continue;
    }
    const after = { ...before, ...fields };
    if (!differs(before, after)) continue;
    changes.push({ kind, action: 'update', name, id: before.id, before, after });
  }
  for (const [name, before] of prune ? rows : []) {
    changes.push({ kind, action: 'delete', name, id: before.id, before, after: null });
  }
  return changes;
}

/** Keys of teams that would not be there. */
function missingTeams(plan: Plan): PlanProblem[] {
  const { teams, credentials } = rowsAfter(plan);
  const names = new Set(teams.map(({ name }) => name));
  const labels = credentialLabels(credentials);
  const orphans = credentials.filter(({ team }) => team != null && !names.has(team));
  return orphans.map(({ id, team }) => ({
    path: `credentials.${labels.get(id)}.team`,
    reason: `there is no team "${team}"`,
  }));
}

function planCredentials(
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
  for (const [label, { allow_short_key: isAllowed, ...fields }] of Object.entries(credentials)) {
    const before = rowOf.get(label);
    if (before === null) continue;
    if (isAllowed === false && fields.credential_key !== before?.credential_key) {
      const reason = `must have ${minKeyLength} characters or more; to take over an old one, say "allow_short_key: true"`;
      problems.push({ path: `credentials.${label}.key`, reason });
    }
    const name = fields.name ?? (before ? nameIn(label, before) : label.replace(hasId, ''));
    if (!before) {
      const after = { ...newCredential, ...fields, name };
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
    const byId = left.get(Number(id));
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

/** The id that makes a label unique. */
const hasId = /#\d+$/;

/** The name that an entry gives to its row: its label without the id that makes it unique. */
function nameIn(label: string, { id, name }: StoredRow): string {
  if (label === name || label === `${name}#${id}`) return String(name);
  return label.replace(hasId, '');
}

/** Replaces `keep` by the existing secret. */
function keepSecret(
  fields: Record<string, unknown>,
  field: string,
  stored: unknown,
  at: string,
  problems: PlanProblem[],
): void {
  if (fields[field] !== keep) return;
  if (stored === undefined) {
    const reason = 'there is none to keep: write it, or a reference such as env:NAME';
    problems.push({ path: `${at}.${field}`, reason });
  } else fields[field] = stored;
}

/** True where two rows differ in their configuration. */
function differs(a: object, b: object): boolean {
  const isOther = (field: string) => {
    const [value, other]: unknown[] = [Reflect.get(a, field), Reflect.get(b, field)];
    // Most fields of a changed row are those of the row before.
    if (value === other || bookkeeping.has(field)) return false;
    return !isSame(normalTime(field, value), normalTime(field, other));
  };
  return (
    Object.keys(b).some(isOther) || Object.keys(a).some((each) => !(each in b) && isOther(each))
  );
}

/** Compares deeply, ignoring the order of fields, which jsonb changes. A missing field is null. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true;
  if (!(a instanceof Object && b instanceof Object)) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) => Object.hasOwn(b, name) && isSame(Reflect.get(a, name), Reflect.get(b, name)),
  );
}

/** The order of a plan: by kind, then by name. */
function inOrder(a: Change, b: Change): number {
  if (a.kind !== b.kind) return kindNames.indexOf(a.kind) - kindNames.indexOf(b.kind);
  return a.name < b.name ? -1 : a.name > b.name ? 1 : (a.id ?? 0) - (b.id ?? 0);
}
