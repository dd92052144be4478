import { newProvider, newTeam } from '../configuration.js';
import { addedProblems } from '../problem.js';
import {
  type NamedSection,
  namedProblems,
  namedSectionNames,
  namedSections,
  newNamed,
} from '../rows/named.js';
import { secretMembers } from '../secrets/secret-columns.js';
import { type Change, differs, type PlanProblem } from './change.js';
import { credentialLabels, type StoredConfiguration, type StoredRow } from './document.js';
import { keep, type WrittenDocument, type WrittenProvider } from './document-schema.js';
import { eachSection, type Kind, kindNames, kinds } from './kinds.js';
import { planCredentials } from './plan-credentials.js';

/** Changes of rows, based on one version of them. */
export interface Plan {
  base: StoredConfiguration;
  /** By kind, then by name. */
  changes: readonly Change[];
  /** The rows with these changes; new ones have negative ids. */
  after: StoredConfiguration;
}

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
    ...planNamed('provider', base.providers, document.providers, prune, (name, fields, before) =>
      writeProvider(name, fields, before, problems),
    ),
    ...planNamed('team', base.teams, document.teams, prune, (name, fields, before) => ({
      ...(before ?? newTeam),
      ...fields,
      name,
    })),
    ...planCredentials(base, document, prune, problems),
    ...namedSectionNames.flatMap((section) => {
      const { kind } = namedSections[section];
      const entries: Readonly<Record<string, object>> | null | undefined = document[section];
      return planNamed(kind, base[section], entries, prune, (name, fields, before) =>
        writeNamed(section, name, fields, before, problems),
      );
    }),
  ];
  const plan = toPlan(base, changes);
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
    const named = (row: StoredRow) => ({ kind, name: nameOf(row), id: row.id });
    const before = new Map(now.map((row) => [row.id, row]));
    const kept = new Set(then.map(({ id }) => id));
    for (const row of then) {
      const current = before.get(row.id);
      if (!current) {
        const { updated_at, ...after } = row;
        changes.push({ ...named(row), action: 'create', before: null, after });
      } else if (differs(current, row)) {
        const after = { ...current, ...row };
        changes.push({ ...named(row), action: 'update', before: current, after });
      }
    }
    for (const row of now) {
      if (kept.has(row.id)) continue;
      changes.push({ ...named(row), action: 'delete', before: row, after: null });
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
  return toPlan(base, changes);
}

function toPlan(base: StoredConfiguration, unsorted: readonly Change[]): Plan {
  const changes = kindNames.flatMap((kind) => ofKind(unsorted, kind).sort(byName));
  let newId = 0;
  const apply = (kind: Kind, rows: readonly StoredRow[]) => {
    const own = ofKind(changes, kind);
    if (own.length === 0) return rows;
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const change of own) {
      const id = change.id ?? --newId;
      if (change.after === null) byId.delete(id);
      else byId.set(id, change.id === null ? { ...change.after, id } : (change.after as StoredRow));
    }
    return [...byId.values()];
  };
  const rows = eachSection((section, { kind }) => apply(kind, base[section]));
  return { base, changes, after: { version: base.version, ...rows } };
}

/**
 * Plans the changes of rows with unique names.
 * @param write the row of an entry; null: there is none yet.
 */
function planNamed<Fields extends object>(
  kind: Kind,
  rows: readonly StoredRow[],
  entries: Readonly<Record<string, Fields>> | null | undefined,
  prune: boolean,
  write: (name: string, fields: Fields, before: StoredRow | null) => Record<string, unknown>,
): Change[] {
  if (!entries) return [];
  const nameField = kind === 'provider' ? 'provider_key' : 'name';
  const changes: Change[] = [];
  const left = new Map(rows.map((row) => [String(row[nameField]), row]));
  for (const [name, fields] of Object.entries(entries)) {
    const before = left.get(name) ?? null;
    left.delete(name);
    const after = write(name, fields, before);
    if (!before) changes.push({ kind, action: 'create', name, id: null, before, after });
    else if (differs(before, after)) {
      changes.push({ kind, action: 'update', name, id: before.id, before, after });
    }
  }
  for (const [name, before] of prune ? left : []) {
    changes.push({ kind, action: 'delete', name, id: before.id, before, after: null });
  }
  return changes;
}

function writeProvider(
  name: string,
  fields: WrittenProvider,
  before: StoredRow | null,
  problems: PlanProblem[],
): Record<string, unknown> {
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
  if (before) return { ...before, ...written };
  requireFields(at, written, ['api_base', 'api_key'], problems);
  return { provider_key: name, ...newProvider, ...written };
}

function writeNamed(
  section: NamedSection,
  name: string,
  fields: object,
  before: StoredRow | null,
  problems: PlanProblem[],
): Record<string, unknown> {
  if (before) {
    const after = { ...before, ...fields };
    const found = namedProblems(section, after, '');
    if (found.length > 0) {
      problems.push(...addedProblems(found, namedProblems(section, before, '')));
    }
    return after;
  }
  const after = { ...newNamed(section, name, fields) };
  const at = `${section}.${name}`;
  const isWhole = requireFields(at, fields, namedSections[section].required, problems);
  if (isWhole) problems.push(...namedProblems(section, after, ''));
  return after;
}

/** @returns true if the fields of a new row are there. */
function requireFields(
  path: string,
  fields: object,
  required: readonly string[],
  problems: PlanProblem[],
): boolean {
  const missing = required.filter((field) => !(field in fields));
  problems.push(...missing.map((field) => ({ path, reason: `is new, and needs "${field}"` })));
  return missing.length === 0;
}

/** Teams that are named by keys but would not exist. */
function missingTeams({ after: { teams, credentials } }: Plan): PlanProblem[] {
  const names = new Set(teams.map(({ name }) => name));
  const orphans = credentials.filter(({ team }) => team != null && !names.has(team));
  if (orphans.length === 0) return [];
  const labels = credentialLabels(credentials);
  return orphans.map(({ id, team }) => ({
    path: `credentials.${labels.get(id)}.team`,
    reason: `there is no team "${team}"`,
  }));
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

function ofKind(changes: readonly Change[], kind: Kind): Change[] {
  return changes.filter((change) => change.kind === kind);
}

function byName(a: Change, b: Change): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : (a.id ?? 0) - (b.id ?? 0);
}
