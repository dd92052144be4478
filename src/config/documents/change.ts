import { normalTime, type StoredRow } from './document.js';
import type { Kind } from './kinds.js';

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

/** Something impossible in a document; `path` is its place there. */
export interface PlanProblem {
  path: string;
  reason: string;
}

/** Columns that are not part of the configuration. */
const bookkeeping = new Set(['id', 'created_at', 'updated_at', 'last_used_at']);

/** True if two rows differ in their configuration. */
export function differs(a: object, b: object): boolean {
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
