import type { Change } from './change.js';
import { isReference, normalTime } from './document.js';

/** A changed field; a secret's values are not included. */
export interface FieldChange {
  /** Separated by dots, such as `model_mapping.gpt-4o`. */
  path: string;
  action: 'add' | 'change' | 'remove';
  before?: unknown;
  after?: unknown;
}

/** Fields that are not shown to people. */
const untold = new Set(['id', 'created_at', 'updated_at', 'last_used_at', 'provider_key', 'name']);

/** The changed fields, with each entry of a mapping listed separately. */
export function fieldChanges({ kind, before, after }: Change): FieldChange[] {
  if (before === null || after === null) return ofOneSide(before, after);
  const old = flatten(before, after);
  const next = flatten(after, before);
  const renamed = kind !== 'provider' && before.name !== after.name;
  const found: FieldChange[] = renamed
    ? [{ path: 'name', action: 'change', before: before.name, after: after.name }]
    : [];
  for (const path of new Set([...old.keys(), ...next.keys()])) {
    const was = old.get(path);
    const is = next.get(path);
    if (JSON.stringify(was ?? null) === JSON.stringify(is ?? null)) continue;
    const change = { before: shown(path, was), after: shown(path, is) };
    if (was === undefined || was === null) found.push({ path, action: 'add', after: change.after });
    else if (is === undefined) found.push({ path, action: 'remove', before: change.before });
    else if (change.before === change.after && change.after === secret) {
      found.push({ path, action: 'change', before: secret, after: `another ${secret}` });
    } else found.push({ path, action: 'change', ...change });
  }
  return found;
}

/** The fields of a row that is new or goes; those without a value are left out. */
function ofOneSide(before: Change['before'], after: Change['after']): FieldChange[] {
  const found: FieldChange[] = [];
  eachLeaf(after ?? before ?? {}, null, (path, value) => {
    if (value === null || value === undefined) return;
    if (after) found.push({ path, action: 'add', after: shown(path, value) });
    else found.push({ path, action: 'remove', before: shown(path, value) });
  });
  return found;
}

const secret = '(secret)';
const secretPaths = /^provider_params\.(?:headers|query)(?:\.|$)/;

function shown(path: string, value: unknown): unknown {
  if (path === 'api_key' || secretPaths.test(path)) {
    return isReference(value) ? value : secret;
  }
  const isHash = typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
  return isHash ? `${value.slice(0, 8)}…` : value;
}

/** Leaves by path, without fields that the other side has with the same value. */
function flatten(
  fields: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  eachLeaf(fields, other, (path, value) => leaves.set(path, value));
  return leaves;
}

/** Visits leaves by path, without fields that the other side has with the same value; arrays are leaves. */
function eachLeaf(
  fields: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>> | null,
  visit: (path: string, value: unknown) => void,
): void {
  const add = (path: string, field: string, value: unknown) => {
    if (value instanceof Object && !Array.isArray(value)) {
      for (const [name, each] of Object.entries(value)) add(`${path}.${name}`, name, each);
    } else visit(path, normalTime(field, value));
  };
  for (const [field, value] of Object.entries(fields)) {
    if (value !== other?.[field] && !untold.has(field)) add(field, field, value);
  }
}
