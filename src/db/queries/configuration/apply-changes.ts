import type { Change } from '../../../config/documents/change.js';
import { eachSection, type Kind } from '../../../config/documents/kinds.js';
import type { Author } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { orTeamError } from '../../team-error.js';

/** The configuration has changed since the plan was made; nothing was done. */
export class BaseChangedError extends Error {
  override readonly name = 'BaseChangedError';
}

/**
 * Makes all changes of a plan in one transaction, as one version.
 * @param base version that the plan was made for.
 * @returns the version that contains them.
 * @throws BaseChangedError if that is no longer the version; DuplicateError, TeamError.
 */
export async function applyChanges(
  sql: Sql,
  base: number,
  changes: readonly Change[],
  { actor, source, message, daemon }: Author,
): Promise<number> {
  const text = JSON.stringify(eachSection((_, { kind }) => ofTable(changes, kind)));
  try {
    const [row] = await sql<[{ version: number }]>`
      SELECT llmproxy_apply_changes(
        ${base}::bigint, ${text}::text::jsonb, ${actor}, ${source}, ${message}
      ) AS version FROM set_config('llmproxy.daemon', ${daemon ?? ''}, true)`;
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
  const of = (action: Change['action']) => own.filter((change) => change.action === action);
  return {
    gone: of('delete').map(({ id }) => id),
    changed: ofSameFields(of('update').map(changedFields)),
    // The database assigns the id of a new row.
    added: ofSameFields(of('create').map(({ id, after }) => ({ ...after, ...(id && { id }) }))),
  };
}

/** Rows with the same fields together: each group is one statement. */
function ofSameFields(rows: readonly object[]): object[][] {
  const groups = new Map<string, object[]>();
  for (const row of rows) {
    const fields = Object.keys(row).sort().join(' ');
    const group = groups.get(fields);
    if (group) group.push(row);
    else groups.set(fields, [row]);
  }
  return [...groups.values()];
}

/** Fields that are left out keep their value, so that few of 100,000 rows' fields are sent. */
function changedFields({ id, before, after }: Change): object {
  const fields = Object.entries(after ?? {}).filter(([name, value]) => before?.[name] !== value);
  return Object.fromEntries([...fields, ['id', id]]);
}
