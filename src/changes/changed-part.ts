import type { Configuration, Credential } from '../config/configuration.js';
import { changedSpan } from '../config/rows/changed-span.js';
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
    providers: differing(rows.providers, others.providers)[0],
    ...Object.fromEntries(
      namedSectionNames.map((section) => [
        section,
        differing<object>(rows[section] ?? [], others[section] ?? [])[0],
      ]),
    ),
  });
  const [was, is] = [part(before, after), part(after, before)];
  // Keys of a team that is gone have a problem although they are the same.
  const teams = new Set(after.teams.map(({ name }) => name));
  if (before.teams.some(({ name }) => !teams.has(name))) return { before: was, after: is };
  const [gone, added] = differing(before.credentials, after.credentials);
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

/** The rows of each list that are not in the other one. Lists that differ are compared once. */
function differing<Row>(rows: readonly Row[], others: readonly Row[]): [Row[], Row[]] {
  const { first, end, endAfter } = changedSpan(rows, others);
  const [own, their] = [rows.slice(first, end), others.slice(first, endAfter)];
  const [known, theirs] = [new Set(own), new Set(their)];
  return [own.filter((row) => !theirs.has(row)), their.filter((row) => !known.has(row))];
}
