import { type Configuration, newCredential } from '../config/configuration.js';
import { addedProblems } from '../config/problem.js';
import { placeById } from '../config/rows/place-by-id.js';
import {
  generateKey,
  hashKey,
  newKeyProblem,
  previewKey,
} from '../config/secrets/credential-key.js';
import { credentialProblems } from '../config/validate.js';
import { deleteCredential } from '../db/queries/credentials/delete-credential.js';
import { getCredential } from '../db/queries/credentials/get-credential.js';
import { insertCredential } from '../db/queries/credentials/insert-credential.js';
import { rotateCredential } from '../db/queries/credentials/rotate-credential.js';
import { updateCredential } from '../db/queries/credentials/update-credential.js';
import { type CredentialInput, type CredentialRow, toCredential } from '../db/queries/rows.js';
import { GatewayError } from '../errors.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit, refuseProblems, refuseUnusable } from './commit.js';
import { thereIsNo } from './not-found.js';
import { query } from './query.js';

type PlainField =
  | 'name'
  | 'allowed_models'
  | 'rate_limit'
  | 'burst'
  | 'allowed_ips'
  | 'is_enabled'
  | 'tags'
  | 'store_bodies'
  | 'losses'
  | 'team'
  | 'limits'
  | 'weight'
  | 'priority'
  | 'cache';

/** The value of a key: absent, one is generated. */
export interface KeyValue {
  key?: string;
  /** Accepts a `key` that is short enough to be guessed. */
  allow_short_key?: boolean;
}

/** The fields of a key as they are written: the key itself in place of its hash, times as text. */
export interface KeyFields extends KeyValue, Partial<Pick<CredentialInput, PlainField>> {
  expires_at?: string | null;
}

export interface ChangedKey {
  version: number;
  row: CredentialRow;
  /** The generated value, which cannot be shown again; absent where none was. */
  key?: string;
}

/** @throws GatewayError `invalid_request`, `conflict`, `invalid_configuration`. */
export async function createKey(
  control: ChangeControl,
  author: ChangeAuthor,
  { key: given, allow_short_key, ...fields }: KeyFields,
): Promise<ChangedKey> {
  const key = checkedKey(given, allow_short_key);
  if (fields.expires_at && Date.parse(fields.expires_at) <= Date.now()) {
    const message = 'expires_at: is in the past: the key would never be valid';
    throw new GatewayError('invalid_request', message, { param: 'expires_at' });
  }
  const input: CredentialInput = { ...newCredential, name: '', ...columns(fields), ...hashed(key) };
  check(null, input);
  await refuseUnusable(control, author, (rows) => withKey(rows, input, null));
  const { result, version } = await commit(control, author, (sql) => insertCredential(sql, input));
  return { version, row: result, ...(given === undefined && { key }) };
}

/**
 * Changes the given fields of a key.
 * @throws GatewayError `not_found`, `invalid_request`, `conflict`, `invalid_configuration`.
 */
export async function updateKey(
  control: ChangeControl,
  author: ChangeAuthor,
  id: number,
  { key, allow_short_key, ...fields }: KeyFields,
): Promise<ChangedKey> {
  const value = key === undefined ? {} : hashed(checkedKey(key, allow_short_key));
  const changes = { ...columns(fields), ...value };
  const before = await existingKey(control, id);
  const after = { ...before, ...changes };
  check(before, after);
  await refuseUnusable(control, author, (rows) => withKey(rows, after, id));
  const { result, version } = await commit(
    control,
    author,
    async (sql) => (await updateCredential(sql, id, changes)) ?? notFound(id),
  );
  return { version, row: result };
}

/**
 * Gives a key a new value.
 * @param graceSeconds time that the old value stays valid.
 * @throws GatewayError as `updateKey`.
 */
export async function rotateKey(
  control: ChangeControl,
  author: ChangeAuthor,
  id: number,
  { key: given, allow_short_key }: KeyValue,
  graceSeconds: number,
): Promise<ChangedKey> {
  const key = checkedKey(given, allow_short_key);
  const value = hashed(key);
  const after = { ...(await existingKey(control, id)), ...value };
  await refuseUnusable(control, author, (rows) => withKey(rows, after, id));
  const { result, version } = await commit(
    control,
    author,
    async (sql) => (await rotateCredential(sql, id, value, graceSeconds)) ?? notFound(id),
  );
  return { version, row: result, ...(given === undefined && { key }) };
}

/** @throws GatewayError `not_found`, `invalid_configuration`. */
export async function deleteKey(
  control: ChangeControl,
  author: ChangeAuthor,
  id: number,
): Promise<void> {
  await existingKey(control, id);
  await refuseUnusable(control, author, (rows) => withKey(rows, null, id));
  await commit(control, author, async (sql) => {
    if (!(await deleteCredential(sql, id))) notFound(id);
  });
}

/** @throws GatewayError `not_found`. */
export async function existingKey(
  control: Pick<ChangeControl, 'active' | 'sql'>,
  id: number,
): Promise<CredentialRow> {
  const [row] = await query(control, (sql) => getCredential(sql, id));
  return row ?? notFound(id);
}

function hashed(key: string): Pick<CredentialInput, 'credential_key' | 'key_preview'> {
  return { credential_key: hashKey(key), key_preview: previewKey(key) };
}

/**
 * The given key, or a new one.
 * @throws GatewayError `invalid_request` for a guessable or mistyped key.
 */
function checkedKey(given: string | undefined, allowShort = false): string {
  if (given === undefined) return generateKey();
  const problem = newKeyProblem(given, allowShort, 'allow_short_key: true');
  if (problem) throw new GatewayError('invalid_request', `key: ${problem}`, { param: 'key' });
  return given;
}

function columns({ expires_at, ...plain }: Omit<KeyFields, keyof KeyValue>) {
  if (expires_at === undefined) return plain;
  const time = expires_at === null ? null : new Date(expires_at);
  if (!time || !Number.isNaN(time.getTime())) return { ...plain, expires_at: time };
  throw new GatewayError('invalid_request', 'expires_at: is not a time', { param: 'expires_at' });
}

function check(before: CredentialInput | null, after: CredentialInput): void {
  const problems = (row: CredentialInput) => credentialProblems(toCredential(null, row), 'request');
  const known = before ? problems({ ...before, name: after.name }) : [];
  refuseProblems(addedProblems(problems(after), known), `credentials.${after.name}`);
}

/**
 * The rows with this key in place of the one with that id.
 * @throws GatewayError `conflict` when another row has its value or its new name.
 */
function withKey(
  rows: Configuration,
  key: CredentialInput | null,
  replacedId: number | null,
): Configuration {
  const credentials = rows.credentials.slice();
  const place = replacedId === null ? -1 : placeById(credentials, replacedId);
  const before = credentials[place];
  if (key === null) {
    if (before) credentials.splice(place, 1);
    return { ...rows, credentials };
  }
  if (key.team != null && key.team !== before?.team) refuseAbsent(key.team, rows);
  // No other key needs to be read where this one keeps both.
  const isKnown = before?.credential_key === key.credential_key && before.name === key.name;
  for (const other of isKnown ? [] : rows.credentials) {
    if (other === before) continue;
    // The lead of a team learns nothing more of another team's key.
    const isOfTeam = other.team === (key.team ?? null);
    if (other.credential_key === key.credential_key) {
      const who = isOfTeam ? `"${other.name}"` : 'Another one';
      throw new GatewayError('conflict', `${who} has this key already.`, { param: 'key' });
    }
    if (other.name === key.name && before?.name !== key.name) {
      const id = isOfTeam ? ` (id ${other.id})` : '';
      const message = `Another key is named "${key.name}"${id}.`;
      throw new GatewayError('conflict', message, { param: 'name' });
    }
  }
  // The key keeps its place, so that unchanged rows are found without comparing all with all.
  credentials.splice(
    before ? place : credentials.length,
    before ? 1 : 0,
    toCredential(replacedId, key),
  );
  return { ...rows, credentials };
}

function refuseAbsent(team: string, { teams }: Configuration): void {
  if (teams.some(({ name }) => name === team)) return;
  throw new GatewayError('invalid_request', thereIsNo('team', team, teams), { param: 'team' });
}

/** @throws GatewayError `not_found`. */
export function notFound(id: number): never {
  throw new GatewayError('not_found', `There is no credential with id ${id}.`, { param: 'id' });
}
