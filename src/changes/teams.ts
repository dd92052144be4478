import { type Configuration, newTeam } from '../config/configuration.js';
import { addedProblems } from '../config/problem.js';
import { teamProblems } from '../config/validate.js';
import type { TeamInput, TeamRow } from '../db/queries/rows.js';
import { deleteTeam as deleteRow } from '../db/queries/teams/delete-team.js';
import { getTeam } from '../db/queries/teams/get-team.js';
import { insertTeam } from '../db/queries/teams/insert-team.js';
import { updateTeam as updateRow } from '../db/queries/teams/update-team.js';
import { GatewayError } from '../errors.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit, refuseProblems, refuseUnusable } from './commit.js';
import { notFound } from './not-found.js';
import { query } from './query.js';

export interface ChangedTeam {
  version: number;
  row: TeamRow;
}

/** @throws GatewayError `invalid_request`, `conflict`, `invalid_configuration`. */
export async function createTeam(
  control: ChangeControl,
  author: ChangeAuthor,
  fields: Partial<TeamInput> & Pick<TeamInput, 'name'>,
): Promise<ChangedTeam> {
  const input: TeamInput = { ...newTeam, ...fields };
  check(null, input);
  await refuseUnusable(control, author, (rows) => withTeam(rows, input, null));
  const { result, version } = await commit(control, author, (sql) => insertTeam(sql, input));
  return { version, row: result };
}

/**
 * Changes the given fields of a team. Its keys follow a new name.
 * @param ref its id or name.
 * @throws GatewayError `not_found`, `invalid_request`, `conflict`, `invalid_configuration`.
 */
export async function updateTeam(
  control: ChangeControl,
  author: ChangeAuthor,
  ref: string,
  fields: Partial<TeamInput>,
): Promise<ChangedTeam> {
  const before = await existingTeam(control, ref);
  const after = { ...before, ...fields };
  check(before, after);
  await refuseUnusable(control, author, (rows) => withTeam(rows, after, before));
  const { result, version } = await commit(
    control,
    author,
    async (sql) => (await updateRow(sql, before.id, fields)) ?? missing(control, ref),
  );
  return { version, row: result };
}

/** @throws GatewayError `not_found`, `conflict` while keys belong to it. */
export async function deleteTeam(
  control: ChangeControl,
  author: ChangeAuthor,
  ref: string,
): Promise<void> {
  const row = await existingTeam(control, ref);
  await refuseUnusable(control, author, (rows) => withTeam(rows, null, row));
  await commit(control, author, async (sql) => {
    if (!(await deleteRow(sql, row.id))) missing(control, ref);
  });
}

/**
 * @param ref an id or a name: no team is named by digits only.
 * @throws GatewayError `not_found`.
 */
export async function existingTeam(
  control: Pick<ChangeControl, 'active' | 'sql'>,
  ref: string,
): Promise<TeamRow> {
  const isId = /^\d{1,9}$/.test(ref);
  const row = await query(control, (sql) => getTeam(sql, isId ? Number(ref) : ref));
  return row ?? missing(control, ref);
}

function check(before: TeamInput | null, after: TeamInput): void {
  const problems = (row: TeamInput) => teamProblems({ ...row, id: null }, 'request');
  const known = before ? problems({ ...before, name: after.name }) : [];
  refuseProblems(addedProblems(problems(after), known), `teams.${after.name}`);
}

/**
 * The rows with this team in place of another, whose keys follow it.
 * @throws GatewayError `conflict` when another has its name, or keys belong to one that goes.
 */
function withTeam(
  rows: Configuration,
  input: TeamInput | null,
  replaced: TeamRow | null,
): Configuration {
  const others = rows.teams.filter(({ id }) => id !== replaced?.id);
  if (input && others.some(({ name }) => name === input.name)) {
    const message = `Another team is named "${input.name}".`;
    throw new GatewayError('conflict', message, { param: 'name' });
  }
  const isMember = ({ team }: { team?: string | null }) => replaced && team === replaced.name;
  const members = rows.credentials.filter(isMember).length;
  if (!input) {
    if (members === 0) return { ...rows, teams: others };
    const keys = members === 1 ? 'A key belongs' : `${members} keys belong`;
    throw new GatewayError('conflict', `${keys} to the team "${replaced?.name}".`, { param: 'id' });
  }
  const credentials = rows.credentials.map((each) =>
    isMember(each) ? { ...each, team: input.name } : each,
  );
  return { ...rows, teams: [...others, { ...input, id: replaced?.id ?? null }], credentials };
}

function missing(control: Pick<ChangeControl, 'active'>, ref: string): never {
  notFound('team', ref, control.active()?.configuration.teams);
}
