import { newKeyProblem } from '../../config/secrets/credential-key.js';
import type { CredentialInput } from '../../db/queries/rows.js';
import { GatewayError } from '../../errors.js';
import { visible } from '../../observe/visible.js';
import { type AdminApi, changeOver } from '../admin-api.js';
import { keyName } from '../arguments.js';
import { printActivation } from '../daemon/activate.js';
import type { DatabaseFlags } from '../database/connection.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { jsonText, note, print, printJson, warn } from '../output.js';
import { askArgument, confirmDeletion } from '../prompt.js';
import type { ShownProvider } from '../provider/provider-view.js';
import { deliver } from '../secrets/deliver.js';
import { readSecret } from '../secrets/secret.js';
import { localTime } from '../times.js';
import { type LimitFlags, limitsFrom } from './keys-input.js';
import { keyJson, type ShownKey } from './keys-view.js';
import { undoRotation } from './undo-rotation.js';

interface KeyFlags extends DatabaseFlags {
  key?: string;
  keyEnv?: string;
  keyStdin?: boolean;
  allowShortKey?: boolean;
}

type CreateFlags = KeyFlags & LimitFlags;

interface RotateFlags extends KeyFlags {
  grace: number;
}

interface UpdateFlags extends DatabaseFlags, LimitFlags {
  name?: string;
  clearTags?: boolean;
  enabled?: boolean;
}

/** The admin API's answer about one key; `key` is a newly generated value. */
interface KeyAnswer {
  version: number;
  credential: ShownKey & { key?: string };
}

export async function createKey(written: string | undefined, flags: CreateFlags): Promise<void> {
  const question = { question: 'Whom is the key for?', hint: 'such as alice' };
  const name = keyName(written ?? (await askArgument('name', question, flags.json)));
  const given = await givenKey(flags);
  if (isPast(flags.expires)) throw usageError('--expires: this time is in the past');
  const { activation } = await changeOver(flags, async (api) => {
    await warnOfUnserved(api, flags);
    const body = { name, ...limitsFrom(flags), ...given };
    const answer = await api
      .ask<KeyAnswer>('POST', '/credentials', body)
      .catch(explainConflict('see the keys with: llmproxy keys list'));
    const { id, key = given.key } = answer.credential;
    const { previous_expires_at, last_used_at, created_at, updated_at, ...created } = keyJson(
      answer.credential,
    );
    const shown = flags.json ? jsonText({ ...created, key }) : String(key);
    const isNew = given.key === undefined;
    if (isNew) {
      await deliver(shown, 'the key was not created', () => api.delete(`/credentials/${id}`));
    } else if (flags.json) print(shown);
    if (!flags.json) {
      const once = isNew ? '; store it now, it is not shown again' : '';
      note(`created key ${visible(name)} (id ${id})${once}`);
    }
    return answer;
  });
  printActivation(activation, flags.json, note);
}

export async function rotateKey(ref: string, flags: RotateFlags): Promise<void> {
  const given = await givenKey(flags);
  const { activation } = await changeOver(flags, async (api) => {
    const { id } = await findKey(api, ref);
    const body = { ...given, grace_secs: flags.grace };
    const answer = await api
      .ask<KeyAnswer>('POST', `/credentials/${id}/rotate`, body)
      .catch(explainConflict());
    const { key = given.key, ...after } = answer.credential;
    const shown = flags.json ? jsonText({ ...keyJson(after), key }) : String(key);
    const isNew = given.key === undefined;
    if (isNew) await deliver(shown, 'the key was not rotated', () => undoRotation(api, after.name));
    else if (flags.json) print(shown);
    if (!flags.json) {
      const until = after.previous_expires_at;
      const old = until
        ? `the old one is valid until ${localTime(until)}`
        : 'the old one is refused';
      note(`rotated key ${visible(after.name)} (id ${id}); ${old}`);
      if (isNew) note('store the new one now, it is not shown again');
    }
    return answer;
  });
  printActivation(activation, flags.json, note);
}

/** The rules of a key that has not been read, to check the flags first. */
const noRules = { limits: {}, cache: { mode: 'off' } } as const;

export async function updateKey(ref: string, flags: UpdateFlags): Promise<void> {
  const changesOf = (before: Pick<ShownKey, 'limits' | 'cache'>): Partial<CredentialInput> => ({
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.clearTags && { tags: [] }),
    ...limitsFrom(flags, before),
    ...(flags.enabled && { is_enabled: true }),
  });
  if (Object.keys(changesOf(noRules)).length === 0) throw usageError('no change was given');
  if (isPast(flags.expires)) warn('--expires is in the past: the key is refused', flags.json);
  await changeAndReport(ref, flags, 'updated', changesOf);
}

export async function removeKey(
  ref: string,
  flags: DatabaseFlags & { yes?: boolean },
): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const credential = await findKey(api, ref);
    const what = `key ${credential.name} (id ${credential.id})`;
    const consequence = `Requests with it are refused at once. To keep its row: llmproxy keys revoke ${credential.id}`;
    await confirmDeletion({ what, consequence, yes: flags.yes, json: flags.json });
    return { credential, version: await api.delete(`/credentials/${credential.id}`) };
  });
  report(result.credential, 'deleted', flags);
  printActivation(activation, flags.json);
}

/** Changes fields of a key, and reports what was `done`. */
export async function changeAndReport(
  ref: string,
  flags: DatabaseFlags & Pick<LimitFlags, 'models'>,
  done: string,
  changesOf: (before: ShownKey) => Partial<CredentialInput>,
): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const before = await findKey(api, ref);
    await warnOfUnserved(api, flags);
    return await api
      .ask<KeyAnswer>('PUT', `/credentials/${before.id}`, changesOf(before))
      .catch(explainConflict());
  });
  report(result.credential, done, flags);
  printActivation(activation, flags.json);
}

/**
 * Finds a key by id, else by name.
 * @throws CliError if there is none, or if several keys share the name.
 */
export async function findKey(api: AdminApi, ref: string): Promise<ShownKey> {
  const isId = /^\d{1,9}$/.test(ref) && Number(ref) > 0;
  const byId = isId ? await keyWithId(api, Number(ref)) : null;
  if (byId) return byId;
  const path = `/credentials?${new URLSearchParams({ name: ref })}`;
  const { credentials } = await api.ask<{ credentials: ShownKey[] }>('GET', path);
  const [key] = credentials;
  if (key === undefined) {
    throw new CliError(`there is no key "${ref}"`, {
      hint: 'see the keys with: llmproxy keys list',
    });
  }
  if (credentials.length === 1) return key;
  const ids = credentials.map(({ id, key_preview }) => `${id} (${key_preview})`).join(', ');
  throw new CliError(`${credentials.length} keys are named "${ref}": ids ${ids}`, {
    hint: 'use the id instead',
  });
}

async function keyWithId(api: AdminApi, id: number): Promise<ShownKey | null> {
  try {
    return (await api.ask<KeyAnswer>('GET', `/credentials/${id}`)).credential;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'not_found') return null;
    throw error;
  }
}

/** Words a conflict for the terminal. @param hint advice if the key itself already exists. */
function explainConflict(hint?: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error;
    if (error.param === 'key') throw new CliError('this key exists already', hint ? { hint } : {});
    const id = /\(id (\d+)\)/.exec(error.message)?.[1];
    const rotation = id ? `, or give it a new value: llmproxy keys rotate ${id}` : '';
    throw new CliError(errorMessage(error), { hint: `choose another name${rotation}` });
  };
}

function report(key: ShownKey, done: string, { json }: DatabaseFlags): void {
  if (json) printJson(keyJson(key));
  else print(`${done} key ${visible(key.name)} (id ${key.id})`);
}

/** Otherwise only clients would notice a misspelt model. */
async function warnOfUnserved(
  api: AdminApi,
  { models, json }: Pick<UpdateFlags, 'models' | 'json'>,
): Promise<void> {
  if (models === undefined) return;
  const { unservedModels } = await import('../../routing/unserved-models.js');
  const { providers } = await api.ask<{ providers: ShownProvider[] }>('GET', '/providers');
  const unserved = unservedModels(models, providers);
  if (unserved.length > 0) warn(visible(`no provider serves ${unserved.join(', ')}`), json);
}

/** The given value in the form of the admin API; empty if one is to be generated. */
async function givenKey(flags: KeyFlags): Promise<{ key?: string; allow_short_key?: boolean }> {
  const { key: value, keyEnv: env, keyStdin: stdin, allowShortKey = false } = flags;
  const key = await readSecret('--key', { value, env, stdin });
  if (key === null) return {};
  const problem = newKeyProblem(key, allowShortKey, '--allow-short-key');
  if (problem) throw usageError(`--key: it ${problem}`);
  return { key, allow_short_key: allowShortKey };
}

function isPast(expires: Date | 'never' | undefined): boolean {
  return expires instanceof Date && expires.getTime() <= Date.now();
}
