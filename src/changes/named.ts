import type { Configuration } from '../config/configuration.js';
import { addedProblems } from '../config/problem.js';
import { type NamedSection, namedProblems, namedSections, newNamed } from '../config/rows/named.js';
import {
  deleteNamed as deleteRow,
  getNamed,
  insertNamed,
  type NamedRow,
  updateNamed as updateRow,
} from '../db/queries/configuration/named-rows.js';
import { GatewayError } from '../errors.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit, refuseProblems, refuseUnusable } from './commit.js';
import { notFound } from './not-found.js';
import { query } from './query.js';
import { refusedReference } from './refused-secrets.js';

export interface ChangedRow {
  version: number;
  row: NamedRow;
}

/**
 * Creates a row with a unique name, such as a budget.
 * @throws GatewayError `invalid_request`, `conflict`, `invalid_configuration`.
 */
export async function createNamed(
  control: ChangeControl,
  author: ChangeAuthor,
  section: NamedSection,
  fields: { name: string },
): Promise<ChangedRow> {
  const input = newNamed(section, fields.name, fields);
  refuseProblems(namedProblems(section, input, 'request'), `${section}.${fields.name}`);
  refuseReference(control, author, null, input);
  await refuseUnusable(control, author, (rows) => withRow(rows, section, input, null));
  const made = await commit(control, author, (sql) => insertNamed(sql, section, input));
  return { version: made.version, row: made.result };
}

/**
 * Changes the given fields.
 * @param ref an id or a name.
 * @throws GatewayError `not_found`, `invalid_request`, `conflict`, `invalid_configuration`.
 */
export async function updateNamed(
  control: ChangeControl,
  author: ChangeAuthor,
  section: NamedSection,
  ref: string,
  fields: object,
): Promise<ChangedRow> {
  const before = await existingNamed(control, section, ref);
  const inJson = JSON.parse(JSON.stringify(before));
  const after = { ...inJson, ...fields };
  const known = namedProblems(section, { ...inJson, name: after.name }, 'request');
  const problems = addedProblems(namedProblems(section, after, 'request'), known);
  refuseProblems(problems, `${section}.${after.name}`);
  refuseReference(control, author, before, after);
  await refuseUnusable(control, author, (rows) => withRow(rows, section, after, before.name));
  const { result, version } = await commit(
    control,
    author,
    async (sql) =>
      (await updateRow(sql, section, before.id, fields)) ?? missing(control, section, ref),
  );
  return { version, row: result };
}

/** @throws GatewayError `not_found`. */
export async function deleteNamed(
  control: ChangeControl,
  author: ChangeAuthor,
  section: NamedSection,
  ref: string,
): Promise<ChangedRow> {
  const row = await existingNamed(control, section, ref);
  await refuseUnusable(control, author, (rows) => withRow(rows, section, null, row.name));
  const { version } = await commit(control, author, async (sql) => {
    if (!(await deleteRow(sql, section, row.id))) missing(control, section, ref);
  });
  return { version, row };
}

/** @throws GatewayError `not_found`. */
export async function existingNamed(
  control: Pick<ChangeControl, 'active' | 'sql'>,
  section: NamedSection,
  ref: string,
): Promise<NamedRow> {
  const byName = await query(control, (sql) => getNamed(sql, section, ref));
  if (byName) return byName;
  const isId = /^\d{1,9}$/.test(ref);
  const row = isId ? await query(control, (sql) => getNamed(sql, section, Number(ref))) : null;
  return row ?? missing(control, section, ref);
}

function withRow(
  rows: Configuration,
  section: NamedSection,
  input: object | null,
  replaced: string | null,
): Configuration {
  const others = ((rows[section] ?? []) as { name: string }[]).filter(
    ({ name }) => name !== replaced,
  );
  return { ...rows, [section]: input ? [...others, input] : others };
}

/** Users of this machine may use every secret of it. */
function refuseReference(
  { settings }: ChangeControl,
  { isCommand }: ChangeAuthor,
  before: object | null,
  after: object,
): void {
  const reason = isCommand ? null : refusedReference(before, after, settings.secrets);
  if (reason === null) return;
  const message = `config.secret: ${reason}`;
  throw new GatewayError('invalid_request', message, { param: 'config.secret' });
}

function missing(
  control: Pick<ChangeControl, 'active'>,
  section: NamedSection,
  ref: string,
): never {
  notFound(namedSections[section].kind, ref, control.active()?.configuration[section]);
}
