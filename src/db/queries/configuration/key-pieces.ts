import type { Credential } from '../../../config/configuration.js';
import { type CredentialRow, credentialColumns, toCredential } from '../rows.js';

/** Columns whose values differ from key to key. */
const ownColumns = [
  'id',
  'credential_key',
  'name',
  'key_preview',
  'allowed_models',
  'rate_limit',
  'team',
] as const satisfies readonly (keyof CredentialRow)[];

/** The values that most keys have in other columns, in SQL; null where absent. */
const usualValues: Readonly<Record<string, string>> = {
  is_enabled: 'true',
  tags: "'[]'",
  store_bodies: 'false',
  limits: "'{}'",
  weight: '1',
  priority: '0',
};
const otherColumns = credentialColumns.filter(
  (name) => !ownColumns.some((own) => own === name) && !/^(created|updated)_at$/.test(name),
);

type OwnColumn = (typeof ownColumns)[number];

/** Keys with ids of one range, as one list of values for each column. */
export type KeyPiece = { [Column in OwnColumn]: CredentialRow[Column][] } & {
  /** Values of `otherColumns`, null for a key that has the usual ones. */
  others: (unknown[] | null)[];
};

const idsPerPiece = 1_000;

/** Selects all keys in pieces, by id: rows would take the reader five times as long. */
export const selectKeyPieces = `
  SELECT ${ownColumns.map((name) => `json_agg(${name}) AS ${name}`).join(', ')}, json_agg(others) AS others
  FROM (
    SELECT id / ${idsPerPiece} AS piece, ${ownColumns.join(', ')},
      CASE WHEN ${otherColumns.map(isUsual).join(' AND ')}
        THEN NULL ELSE json_build_array(${otherColumns.join(', ')}) END AS others
    FROM credentials ORDER BY piece, id
  ) AS keys GROUP BY piece ORDER BY piece`;

function isUsual(column: string): string {
  const value = usualValues[column];
  return value === undefined ? `${column} IS NULL` : `${column} = ${value}`;
}

/** The keys of all pieces, by id. */
export function keysOf(pieces: readonly KeyPiece[]): Credential[] {
  const keys: Credential[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.id.length; at += 1) keys.push(keyAt(piece, at));
  }
  return keys;
}

function keyAt(piece: KeyPiece, at: number): Credential {
  const others = piece.others[at];
  const own = {
    credential_key: valueAt(piece.credential_key, at),
    name: valueAt(piece.name, at),
    key_preview: valueAt(piece.key_preview, at),
    allowed_models: valueAt(piece.allowed_models, at),
    rate_limit: valueAt(piece.rate_limit, at),
    team: valueAt(piece.team, at),
    is_enabled: true,
  };
  const id = valueAt(piece.id, at);
  return toCredential(id, others ? { ...own, ...unusual(others) } : own);
}

function unusual(values: readonly unknown[]): Partial<CredentialRow> {
  return Object.fromEntries(
    otherColumns.map((name, at) => {
      const value = values[at];
      const isTime = name.endsWith('expires_at') && value !== null;
      return [name, isTime ? new Date(String(value)) : value];
    }),
  );
}

/** The lists of a piece have one length. */
function valueAt<Value>(values: readonly Value[], at: number): Value {
  return values[at] as Value;
}
