import type { Configuration, Credential } from '../config/configuration.js';
import { namedSectionNames } from '../config/rows/named.js';

/**
 * The rows of two configurations that decide which problems the second one adds: those that are not the
 * same objects. Of a hundred thousand keys one is checked when one has changed.
 */
export function changedPart(
  before: Configuration,
  after: Configuration,
): { before: Configuration; after: Configuration } {
  const part = (rows: Configuration, others: Configuration): Configuration => ({
    ...rows,
    providers: unshared(rows.providers, others.providers),
    ...Object.fromEntries(
      namedSectionNames.map((section) => [
        section,
        unshared<object>(rows[section] ?? [], others[section] ?? []),
      ]),
    ),
  });
  const [was, is] = [part(before, after), part(after, before)];
  // Keys of a team that is gone have a problem although they are the same.
  const teams = new Set(after.teams.map(({ name }) => name));
  if (before.teams.some(({ name }) => !teams.has(name))) return { before: was, after: is };
  const gone = unshared(before.credentials, after.credentials);
  const added = unshared(after.credentials, before.credentials);
  // A new value may be that of a row that has not changed.
  const known = new Set(gone.map(keyOf));
  const keys = new Set(added.map(keyOf).filter((key) => !known.has(key)));
  const own = new Set(added);
  const others =
    keys.size === 0
      ? []
      : after.credentials.filter((each) => keys.has(keyOf(each)) && !own.has(each));
  return {
    before: { ...was, credentials: gone },
    after: { ...is, credentials: [...others, ...added] },
  };
}

const keyOf = ({ credential_key }: Credential) => credential_key;

/** The rows of a list that are not in the other one. */
function unshared<Row>(rows: readonly Row[], others: readonly Row[]): Row[] {
  const shorter = Math.min(rows.length, others.length);
  let first = 0;
  while (first < shorter && rows[first] === others[first]) first++;
  let last = 0;
  while (
    last < shorter - first &&
    rows[rows.length - 1 - last] === others[others.length - 1 - last]
  ) {
    last++;
  }
  const known = new Set(others.slice(first, others.length - last));
  return rows.slice(first, rows.length - last).filter((row) => !known.has(row));
}
