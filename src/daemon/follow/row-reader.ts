import type { Configuration, Credential } from '../../config/configuration.js';
import { namedSectionNames } from '../../config/rows/named.js';
import { placeById } from '../../config/rows/place-by-id.js';
import type {
  FeedPosition,
  ReadRows,
  RowChanges,
} from '../../db/queries/configuration/read-configuration.js';
import { isSameRow, type KnownChange, reusingRows } from '../../routing/configuration-change.js';

/** Rows as they are now, and how they differ from those read before: unchanged rows are the same objects. */
export interface RowsNow {
  rows: Configuration;
  /** Null: they were read as a whole, and may differ in anything. */
  change: KnownChange | null;
}

interface RowReaderOptions {
  readAll: () => Promise<ReadRows | { rows: Configuration; position: null }>;
  /** Null where only reading all tells. */
  readChanges: (since: FeedPosition) => Promise<RowChanges | null>;
  /** Rows read as a whole are not those that their changes lead to. */
  onDifference: () => void;
}

/** Reads the rows of the configuration: all of them at first, then only those that change. */
export class RowReader {
  readonly #options: RowReaderOptions;
  #rows: Configuration | null = null;
  /** Null where the rows are not the database's. */
  #position: FeedPosition | null = null;

  constructor(options: RowReaderOptions) {
    this.#options = options;
  }

  /** @param whole reads all rows, whatever the changes say. */
  async read(whole: boolean): Promise<RowsNow> {
    const changes = this.#position && (await this.#options.readChanges(this.#position));
    const known = this.#rows && changes ? applyChanges(this.#rows, changes) : null;
    if (known && !whole) {
      this.#rows = known.rows;
      this.#position = changes?.position ?? null;
      return known;
    }
    const { rows, position } = await this.#options.readAll();
    const isSamePlace = changes?.position.entry === position?.entry;
    if (known && isSamePlace && !areSame(known.rows, rows)) this.#options.onDifference();
    this.#rows = rows;
    this.#position = position;
    return { rows, change: null };
  }
}

function applyChanges(before: Configuration, changes: RowChanges): RowsNow {
  const { ids, others, position } = changes;
  const removed = ids.flatMap((id) => before.credentials[placeById(before.credentials, id)] ?? []);
  const isChanged = ids.length > 0;
  const credentials = isChanged ? patched(before.credentials, changes) : before.credentials;
  return {
    rows: { ...before, ...reusing(before, others ?? {}), version: position.version, credentials },
    change: { removed, added: changes.credentials, hasOthers: others !== null },
  };
}

function reusing(before: Configuration, others: Partial<Configuration>): Partial<Configuration> {
  const sections = Object.entries(others) as [keyof Configuration, object[]][];
  return Object.fromEntries(
    sections.map(([section, rows]) => [
      section,
      reusingRows(before[section] as object[] | undefined, rows, nameOf),
    ]),
  );
}

function nameOf(row: { provider_key?: string; name?: string; id?: number }): string | number {
  return row.provider_key ?? row.name ?? row.id ?? '';
}

/** The list, in order of ids, with rows replaced, added and left out. */
function patched(
  before: readonly Credential[],
  { ids, credentials }: Pick<RowChanges, 'ids' | 'credentials'>,
): Credential[] {
  const now = new Map(credentials.map((credential) => [credential.id, credential]));
  const after = before.slice();
  let gone = 0;
  let last = idOf(before.at(-1));
  let isInOrder = true;
  for (const id of ids) {
    const place = placeById(before, id);
    const credential = now.get(id);
    if (place >= 0 && credential) after[place] = credential;
    else if (place >= 0) gone += 1;
    else if (credential) {
      after.push(credential);
      isInOrder &&= id > last;
      last = id;
    }
  }
  const named = new Set(ids);
  const left = gone === 0 ? after : after.filter(({ id }) => now.has(id) || !named.has(id ?? 0));
  return isInOrder ? left : left.sort((one, other) => idOf(one) - idOf(other));
}

function idOf(credential: Credential | undefined): number {
  return credential?.id ?? 0;
}

function areSame(one: Configuration, other: Configuration): boolean {
  return [...namedSectionNames, ...(['providers', 'teams', 'credentials'] as const)].every(
    (section) => {
      const rows: readonly object[] = one[section] ?? [];
      const others: readonly object[] = other[section] ?? [];
      return (
        rows.length === others.length && rows.every((row, place) => isSameRow(row, others[place]))
      );
    },
  );
}
