import type { Configuration, Credential } from '../../config/configuration.js';
import { changedSpan } from '../../config/rows/changed-span.js';
import type { CredentialChange } from '../../routing/configuration-change.js';

type Others = Omit<Configuration, 'version' | 'credentials'>;

/** Difference that turns earlier rows into later ones. */
export interface RowsDifference {
  version: number;
  /** Ids of credentials. */
  removed: number[];
  /** New or changed. */
  added: Credential[];
  /** All rows of the other tables; absent where none has changed. */
  others?: Others;
}

const maxCredentials = 1_000;

/**
 * @param known the change of credentials, where it is known.
 * @returns null where they are the same, `many` where too much of them differs to be told.
 */
export function differenceOf(
  before: Configuration,
  after: Configuration,
  known: CredentialChange | null = null,
): RowsDifference | 'many' | null {
  const credentials = known ? byIds(known) : credentialsBetween(before, after);
  if (credentials === null) return 'many';
  const { removed, added } = credentials;
  const others = othersOf(after);
  const isOthersSame = areSame(othersOf(before), others);
  const isSame = isOthersSame && removed.length + added.length === 0;
  if (isSame && before.version === after.version) return null;
  return { version: after.version, removed, added, ...(!isOthersSame && { others }) };
}

type ById = Pick<RowsDifference, 'removed' | 'added'>;

function byIds({ removed, added }: CredentialChange): ById | null {
  if (removed.length + added.length > maxCredentials) return null;
  const ids = new Set(added.map(idOf));
  return { removed: removed.map(idOf).filter((id) => !ids.has(id)), added: [...added] };
}

/** Compares rows in the order of their ids; one that is the same object is unchanged. */
function credentialsBetween(before: Configuration, after: Configuration): ById | null {
  const removed: number[] = [];
  const added: Credential[] = [];
  const [old, now] = [before.credentials, after.credentials];
  const { first, end, endAfter } = changedSpan(old, now);
  for (let i = first, j = first; i < end || j < endAfter; ) {
    const one = i < end ? old[i] : undefined;
    const other = j < endAfter ? now[j] : undefined;
    if (one === other) {
      i += 1;
      j += 1;
      continue;
    }
    if (removed.length + added.length > maxCredentials) return null;
    const [oneId, otherId] = [idOf(one), idOf(other)];
    if (oneId < otherId) removed.push(oneId);
    else if (other) added.push(other);
    if (oneId <= otherId) i += 1;
    if (otherId <= oneId) j += 1;
  }
  return { removed, added };
}

/** The rows with a difference applied. */
export function changed(
  before: Configuration,
  { version, removed, added, others }: RowsDifference,
): Configuration {
  const credentials = new Map(before.credentials.map((one) => [one.id, one]));
  for (const id of removed) credentials.delete(id);
  for (const credential of added) credentials.set(credential.id, credential);
  const inOrder = [...credentials.values()].sort((one, other) => idOf(one) - idOf(other));
  return { ...before, ...others, version, credentials: inOrder };
}

function idOf(credential: Credential | undefined): number {
  return credential?.id ?? Number.POSITIVE_INFINITY;
}

function othersOf({ version, credentials, ...others }: Configuration): Others {
  return others;
}

function areSame(before: Others, after: Others): boolean {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof Others>;
  return [...names].every(
    (name) =>
      before[name] === after[name] || JSON.stringify(before[name]) === JSON.stringify(after[name]),
  );
}
