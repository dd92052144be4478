import { isReference, type StoredRow } from '../../config/document.js';
import { keep } from '../../config/document-schema.js';
import { type Change, type Plan, planDocument, planReturn, rowsAfter } from '../../config/plan.js';
import { type FieldChange, fieldChanges } from '../../config/plan-fields.js';
import { type PlacedProblems, readDocument } from '../../config/read-document.js';
import type { Author } from '../../db/author.js';
import type { Sql } from '../../db/client.js';
import { applyChanges, BaseChangedError } from '../../db/queries/apply-changes.js';
import { listHistory, readVersion } from '../../db/queries/config-history.js';
import { readStoredConfiguration } from '../../db/queries/read-stored-configuration.js';
import { type PlanEffect, planEffect, routedConfiguration } from '../../routing/plan-effect.js';
import { describeHistory } from './describe-history.js';

/** Providers' keys at rest. */
export interface PlanSecrets {
  /** @throws Error when it cannot be decrypted. */
  reveal(provider: string, stored: string): Promise<string>;
  /** Encrypts a key, unless it is a reference or encrypted already. */
  seal(sql: Sql, provider: string, value: string): Promise<string>;
}

/** A plan as it is shown: without secrets. */
export interface DescribedPlan {
  /** The version that it was made on. */
  version: number;
  changes: (Pick<Change, 'kind' | 'action' | 'name' | 'id'> & { fields: FieldChange[] })[];
  effect: PlanEffect;
}

/**
 * What a document would change. Nothing is changed.
 * @param source the document's name, for its problems.
 * @returns the problems where it cannot be applied.
 */
export async function planText(
  sql: Sql,
  { source, text, prune }: { source: string; text: string; prune: boolean },
  secrets: PlanSecrets,
): Promise<{ plan: Plan; problems: null } | { plan: null; problems: PlacedProblems }> {
  const { document, problems, place } = readDocument(source, text);
  if (!document) return { plan: null, problems };
  const base = await readStoredConfiguration(sql);
  const same = new Set<number>();
  for (const row of base.providers) {
    const written = document.providers?.[String(row.provider_key)]?.api_key;
    if (await isSame(row, written, secrets)) same.add(row.id);
  }
  const made = planDocument(base, document, { prune, sameSecret: ({ id }) => same.has(id) });
  if (made.problems.length === 0) return { plan: made.plan, problems: null };
  return { plan: null, problems: place(made.problems) };
}

/** What would change for the rows to be as after a version; null, and what is kept, without it. */
export async function planRollback(sql: Sql, version: number) {
  const read = await readVersion(sql, version);
  if ('oldest' in read) return { plan: null, kept: read };
  return { plan: planReturn(read.current, read.target), kept: null };
}

export function describePlan(plan: Plan): DescribedPlan {
  const before = routedConfiguration(plan.base);
  const after = routedConfiguration(rowsAfter(plan));
  return {
    version: plan.base.version,
    changes: plan.changes.map((change) => {
      const { kind, action, name, id } = change;
      return { kind, action, name, id, fields: fieldChanges(change) };
    }),
    effect: planEffect(before, after),
  };
}

/**
 * Makes the changes of a plan, in one transaction.
 * @returns the version that contains them.
 * @throws BaseChangedError saying what has changed since the plan was made; DuplicateError.
 */
export async function commitPlan(
  sql: Sql,
  plan: Plan,
  author: Author,
  secrets: PlanSecrets,
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

/** Whether a key in clear is the one that is stored: encrypting it again would look like a change. */
async function isSame(row: StoredRow, written: unknown, secrets: PlanSecrets): Promise<boolean> {
  const stored = String(row.api_key);
  if (typeof written !== 'string' || written === keep) return false;
  if (isReference(written) || isReference(stored)) return false;
  try {
    return (await secrets.reveal(String(row.provider_key), stored)) === written;
  } catch {
    return false;
  }
}

async function sealed(sql: Sql, change: Change, secrets: PlanSecrets): Promise<Change> {
  const { kind, before, after } = change;
  if (kind !== 'provider' || after === null || after.api_key === before?.api_key) return change;
  const api_key = await secrets.seal(sql, String(after.provider_key), String(after.api_key));
  return { ...change, after: { ...after, api_key } };
}
