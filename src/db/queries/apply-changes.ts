import { eachSection, type Kind } from '../../config/kinds.js';
import type { Change } from '../../config/plan.js';
import type { Author } from '../author.js';
import type { Sql } from '../client.js';
import { orDuplicate } from '../duplicate.js';
import { orTeamError } from '../team-error.js';

/** The configuration has changed since the plan was made: nothing was done. */
export class BaseChangedError extends Error {
  override readonly name = 'BaseChangedError';
}

/**
 * Makes all changes of a plan in one transaction, as one version.
 * @param base the version that the plan was made on.
 * @returns the version that contains them.
 * @throws BaseChangedError when that is no longer the version; DuplicateError, TeamError.
 */
export async function applyChanges(
  sql: Sql,
  base: number,
  changes: readonly Change[],
  { actor, source, message }: Author,
): Promise<number> {
  const text = JSON.stringify(eachSection((_, { kind }) => ofTable(changes, kind)));
  try {
    const [row] = await sql<[{ version: number }]>`
      SELECT llmproxy_apply_changes(
        ${base}::bigint, ${text}::text::jsonb, ${actor}, ${source}, ${message}
      ) AS version`;
    return row.version;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'LP002') {
      throw new BaseChangedError(`the configuration has changed since version ${base}`);
    }
    throw orTeamError(orDuplicate(error, 'key', ''));
  }
}

function ofTable(changes: readonly Change[], kind: Kind) {
  const own = changes.filter((change) => change.kind === kind);
  const rows = (action: Change['action']) =>
    own.filter((change) => change.action === action).map(({ id, after }) => rowOf(id, after ?? {}));
  return {
    gone: own.filter(({ action }) => action === 'delete').map(({ id }) => id),
    changed: rows('update'),
    added: rows('create'),
  };
}

/** The id of a new row is the database's to give. */
function rowOf(id: number | null, fields: object): object {
  return id === null ? fields : { ...fields, id };
}
