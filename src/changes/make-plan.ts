import { type Plan, planDocument, planReturn } from '../config/documents/plan.js';
import { fieldChanges } from '../config/documents/plan-fields.js';
import { type PlacedProblems, readDocument } from '../config/documents/read-document.js';
import type { Author } from '../db/author.js';
import type { Sql } from '../db/client.js';
import { applyChanges, BaseChangedError } from '../db/queries/configuration/apply-changes.js';
import { listHistory, readVersion } from '../db/queries/configuration/config-history.js';
import { readStoredConfiguration } from '../db/queries/configuration/read-stored-configuration.js';
import { planEffect, routedConfiguration } from '../routing/plan-effect.js';
import type { ChangeSecrets } from './change-control.js';
import { describeHistory } from './describe-history.js';
import type { DescribedPlan } from './last-plan.js';
import { refusedIn, sealed, secretless, withKept } from './plan-secrets.js';
import type { AllowedSecrets } from './refused-secrets.js';

/**
 * Plans the application of a document, without changing anything.
 * @param source the document's name, for messages.
 * @param allowed the references that an admin key may use; null for trusted users of this machine.
 * @returns the plan, or the problems that prevent it.
 */
export async function planText(
  sql: Sql,
  { source, text, prune }: { source: string; text: string; prune: boolean },
  secrets: ChangeSecrets,
  allowed: AllowedSecrets | null,
): Promise<{ plan: Plan; problems: null } | { plan: null; problems: PlacedProblems }> {
  const { document, problems, place } = readDocument(source, text);
  if (!document) return { plan: null, problems };
  const base = await readStoredConfiguration(sql);
  const rows = new Map(base.providers.map((row) => [String(row.provider_key), row]));
  const refused = allowed === null ? [] : refusedIn(document, rows, base.guardrails, allowed);
  const made = planDocument(base, withKept(document, rows, secrets), { prune });
  const found = [...refused, ...made.problems];
  if (found.length === 0) return { plan: made.plan, problems: null };
  return { plan: null, problems: place(found) };
}

/** Plans a rollback to a version; returns null and the kept versions where it is not kept. */
export async function planRollback(sql: Sql, version: number) {
  const read = await readVersion(sql, version);
  if ('oldest' in read) return { plan: null, kept: read };
  return { plan: planReturn(read.current, read.target), kept: null };
}

export async function describePlan(plan: Plan, secrets: ChangeSecrets): Promise<DescribedPlan> {
  const before = routedConfiguration(plan.base);
  const after = routedConfiguration(plan.after);
  const withoutSecret = await secretless([...before.providers, ...after.providers], secrets);
  return {
    version: plan.base.version,
    changes: plan.changes.map((change) => {
      const { kind, action, name, id } = change;
      return { kind, action, name, id, fields: fieldChanges(change) };
    }),
    effect: planEffect(before, after, { withoutSecret }),
  };
}

/**
 * Applies a plan in one transaction.
 * @returns the version that contains them.
 * @throws BaseChangedError naming the changes since the plan was made; DuplicateError.
 */
export async function commitPlan(
  sql: Sql,
  plan: Plan,
  author: Author,
  secrets: ChangeSecrets,
): Promise<number> {
  const changes = await Promise.all(plan.changes.map((change) => sealed(sql, change, secrets)));
  const { version } = plan.base;
  try {
    return await applyChanges(sql, version, changes, author);
  } catch (error) {
    if (!(error instanceof BaseChangedError)) throw error;
    const since = await listHistory(sql, { limit: 10, after: version });
    const told = since.map(describeHistory).join('; ');
    throw new BaseChangedError(`${error.message}${told && `: ${told}`}`);
  }
}
