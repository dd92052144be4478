import { hash } from 'node:crypto';
import { mayOperatorsChange } from '../config/documents/kinds.js';
import type { Plan } from '../config/documents/plan.js';
import type { PlacedProblems } from '../config/documents/read-document.js';
import type { ChangeSource } from '../db/author.js';
import type { Sql } from '../db/client.js';
import { BaseChangedError } from '../db/queries/configuration/apply-changes.js';
import type { KeptVersions } from '../db/queries/configuration/config-history.js';
import { configVersion } from '../db/queries/configuration/config-version.js';
import { GatewayError } from '../errors.js';
import { routedConfiguration } from '../routing/plan-effect.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit, refuseUnusable } from './commit.js';
import type { DescribedPlan, ShownPlan } from './last-plan.js';
import { commitPlan, describePlan, planRollback, planText } from './make-plan.js';
import { query } from './query.js';

/** Long, because a busy database takes long to store 100,000 keys with their history. */
export const documentTimeoutMs = 110_000;

/** The message of an error lists at most this many problems. */
const maxListed = 20;

/** A document, or the version to return to. */
export type PlanTarget = { document: string; prune: boolean } | { version: number };

/**
 * Plans a change, and keeps the plan for `applyPlan`.
 * @throws GatewayError `invalid_request` with the problems of the document, `not_found` without the
 *   version, `invalid_configuration`.
 */
export async function showPlan(
  control: ChangeControl,
  author: Pick<ChangeAuthor, 'isCommand'>,
  target: PlanTarget,
): Promise<ShownPlan> {
  const of = await nameOf(control, author, target);
  control.lastPlan.drop();
  const plan = await planOf(control, author, target);
  await refuseUnusablePlan(control, author, plan);
  const shown = { plan, described: await describePlan(plan, control.secrets) };
  control.lastPlan.keep(of, shown);
  return shown;
}

/** The plan shown last, if it would be the same now. */
async function takeShown(
  control: ChangeControl,
  author: Pick<ChangeAuthor, 'isCommand'>,
  target: PlanTarget,
): Promise<ShownPlan | null> {
  const shown = control.lastPlan.take(await nameOf(control, author, target));
  if (!shown) return null;
  const { version } = await query(control, configVersion);
  return shown.plan.base.version === version ? shown : null;
}

/** Identifies all that a plan is made of but the rows. */
async function nameOf(
  control: ChangeControl,
  { isCommand }: Pick<ChangeAuthor, 'isCommand'>,
  target: PlanTarget,
): Promise<string> {
  return hash('sha256', JSON.stringify([target, isCommand, await control.readOverrides()]));
}

async function planOf(
  control: ChangeControl,
  { isCommand }: Pick<ChangeAuthor, 'isCommand'>,
  target: PlanTarget,
): Promise<Plan> {
  if ('version' in target) return await planVersion(control, target.version);
  const options = { source: 'document', text: target.document, prune: target.prune };
  const { secrets, settings } = control;
  const allowed = isCommand ? null : settings.secrets;
  const planning = (sql: Sql) => planText(sql, options, secrets, allowed);
  const made = await query(control, planning, documentTimeoutMs);
  if (made.plan) return made.plan;
  throw documentRefused(made.problems);
}

async function planVersion(control: ChangeControl, version: number): Promise<Plan> {
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
 * Plans a change, unless that was shown last, and applies it in one transaction.
 * @throws GatewayError as `showPlan`; `conflict` where the version is another, `permission_denied`.
 */
export async function applyPlan(
  control: ChangeControl,
  author: ChangeAuthor,
  target: PlanTarget,
  { source, message, baseVersion, byOperator }: Application,
): Promise<DescribedPlan & { applied: boolean }> {
  const shown = await takeShown(control, author, target);
  const plan = shown?.plan ?? (await planOf(control, author, target));
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
  const described = shown?.described ?? (await describePlan(plan, control.secrets));
  if (plan.changes.length === 0) return { ...described, applied: false };
  if (!shown) await refuseUnusablePlan(control, author, plan);
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
async function refuseUnusablePlan(
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
