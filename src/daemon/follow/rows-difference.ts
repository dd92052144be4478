import type { Configuration, Credential } from '../../config/configuration.js';

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
 * Compares rows in the order of their ids; one that is the same object is unchanged.
 * @returns null where they are the same, `many` where too much of them differs to be told.
 */
export function differenceOf(
  before: Configuration,
  after: Configuration,
): RowsDifference | 'many' | null {
  const removed: number[] = [];
  const added: Credential[] = [];
  const [old, now] = [before.credentials, after.credentials];
  for (let i = 0, j = 0; i < old.length || j < now.length; ) {
    const [one, other] = [old[i], now[j]];
    // Most rows are the same object, which is not even read.
    if (one === other) {
      i += 1;
      j += 1;
      continue;
    }
    if (removed.length + added.length > maxCredentials) return 'many';
    const [oneId, otherId] = [idOf(one), idOf(other)];
    if (oneId < otherId) removed.push(oneId);
    else if (other) added.push(other);
    if (oneId <= otherId) i += 1;
    if (otherId <= oneId) j += 1;
  }
  const others = othersOf(after);
  const isOthersSame = areSame(othersOf(before), others);
  const isSame = isOthersSame && removed.length + added.length === 0;
  if (isSame && before.version === after.version) return null;
  return { version: after.version, removed, added, ...(!isOthersSame && { others }) };
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
