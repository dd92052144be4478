import { mayOperatorsChange } from '../config/documents/kinds.js';
import type { Plan } from '../config/documents/plan.js';
import type { PlacedProblems } from '../config/documents/read-document.js';
import type { ChangeSource } from '../db/author.js';
import type { Sql } from '../db/client.js';
import { BaseChangedError } from '../db/queries/configuration/apply-changes.js';
import type { KeptVersions } from '../db/queries/configuration/config-history.js';
import { GatewayError } from '../errors.js';
import { routedConfiguration } from '../routing/plan-effect.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit, refuseUnusable } from './commit.js';
import {
  commitPlan,
  type DescribedPlan,
  describePlan,
  planRollback,
  planText,
} from './make-plan.js';
import { query } from './query.js';

/** Long, because a busy database takes long to store 100,000 keys with their history. */
export const documentTimeoutMs = 110_000;

/** The message of an error lists at most this many problems. */
const maxListed = 20;

/**
 * Plans the application of a document.
 * @throws GatewayError `invalid_request` with the problems of the document.
 */
export async function planDocumentText(
  control: ChangeControl,
  { isCommand }: Pick<ChangeAuthor, 'isCommand'>,
  { document, prune = false }: { document: string; prune?: boolean },
): Promise<Plan> {
  const options = { source: 'document', text: document, prune };
  const { secrets, settings } = control;
  const allowed = isCommand ? null : settings.secrets;
  const planning = (sql: Sql) => planText(sql, options, secrets, allowed);
  const made = await query(control, planning, documentTimeoutMs);
  if (made.plan) return made.plan;
  throw documentRefused(made.problems);
}

/**
 * Plans the return to a version.
 * @throws GatewayError `not_found`.
 */
export async function planVersion(control: ChangeControl, version: number): Promise<Plan> {
  const planning = (sql: Sql) => planRollback(sql, version);
  const { plan, kept } = await query(control, planning, documentTimeoutMs);
  if (plan) return plan;
  throw noVersion(version, kept);
}

export function noVersion(version: number, { oldest, newest }: KeptVersions): GatewayError {
  const reason = `There is no version ${version}: those from ${oldest} to ${newest} are kept.`;
  return new GatewayError('not_found', reason, { param: 'version' });
}

export interface Application {
  source: ChangeSource;
  /** The reason, for the history. */
  message: string | null;
  /** Apply only if this is still the version; undefined: whatever the version is. */
  baseVersion: number | undefined;
  /** Refuse changes that the role `operator` may not make. */
  byOperator: boolean;
}

/**
 * Applies a plan in one transaction.
 * @throws GatewayError `conflict` where the version is another, `permission_denied`,
 *   `invalid_configuration`.
 */
export async function applyPlan(
  control: ChangeControl,
  author: ChangeAuthor,
  plan: Plan,
  { source, message, baseVersion, byOperator }: Application,
): Promise<DescribedPlan & { applied: boolean }> {
  const base = plan.base.version;
  if (baseVersion !== undefined && baseVersion !== base) {
    throw new GatewayError(
      'conflict',
      `The configuration is at version ${base}, not ${baseVersion}: nothing was applied.`,
      { param: 'base_version' },
    );
  }
  const refused = byOperator && plan.changes.find(({ kind }) => !mayOperatorsChange(kind));
  if (refused) {
    const reason = `An operator may not change a ${refused.kind}, and this would change "${refused.name}".`;
    throw new GatewayError('permission_denied', reason);
  }
  const described = await describePlan(plan, control.secrets);
  if (plan.changes.length === 0) return { ...described, applied: false };
  await refuseUnusablePlan(control, author, plan);
  const { version } = await commit(
    control,
    author,
    async (sql) => {
      try {
        const { actor } = author;
        const by = { actor, source, message, daemon: control.daemon };
        return await commitPlan(sql, plan, by, control.secrets);
      } catch (error) {
        if (!(error instanceof BaseChangedError)) throw error;
        throw new GatewayError('conflict', `Nothing was applied: ${error.message}.`);
      }
    },
    documentTimeoutMs,
  );
  return { ...described, version, applied: true };
}

/** @throws GatewayError `invalid_configuration`. */
export async function refuseUnusablePlan(
  control: ChangeControl,
  author: Pick<ChangeAuthor, 'isCommand'>,
  plan: Plan,
): Promise<void> {
  const before = routedConfiguration(plan.base);
  const after = routedConfiguration(plan.after);
  await refuseUnusable(control, author, () => after, before);
}

function documentRefused({ first, total }: PlacedProblems): GatewayError {
  const problems = first.map(({ source, ...problem }) => problem);
  const listed = problems.slice(0, maxListed).map(({ line, column, path, reason }) => {
    return `line ${line}, column ${column}: ${path ? `${path}: ` : ''}${reason}`;
  });
  const more = total > listed.length ? `; and ${total - listed.length} more` : '';
  return new GatewayError('invalid_request', `document: ${listed.join('; ')}${more}`, {
    param: 'document',
    problems,
  });
}
