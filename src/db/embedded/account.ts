import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseError } from '../database-error.js';

/** A user of this system. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Accounts that other programs use too. */
const sharedNames = ['postgres', 'nobody'];
/**
 * Ids that no distribution assigns (systemd's UIDS-GIDS); below 65,536, the limit in containers.
 */
const [firstOwnId, ownIds] = [60_578, 606];

/**
 * The account to run PostgreSQL as; null: this process's own. PostgreSQL refuses root, so for root
 * it is the owner of the existing data. New data, and data that an older version left to a shared
 * account, get a user id of their own; if there is none, as in a user namespace with few ids, it is
 * `postgres`, else `nobody`.
 * @param root of the place; the id follows from its path.
 */
export function postgresAccount(root: string, data: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  const accounts = readAccounts();
  const shared = sharedNames.flatMap((name) => accounts.find((each) => each.name === name) ?? []);
  const owner = statSync(data, { throwIfNoEntry: false });
  const isShared = shared.some(({ uid }) => uid === owner?.uid);
  if (owner && owner.uid !== 0 && !isShared) return accountOf(owner.uid, owner.gid);
  const own = ownAccount(root, accounts);
  if (own) return own;
  const [account] = shared.filter(({ uid }) => uid !== 0);
  if (account) return account;
  throw new DatabaseError(
    'PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody: ' +
      'run llmproxy as another user, or set DB_URL',
  );
}

/**
 * The account to run initdb as, which refuses users without a name: another account, with the group
 * of the right one, which alone lets it enter. Other processes of that user stay outside.
 */
export function initdbAccount(account: Account | null): Account | null {
  if (account === null || accountOf(account.uid).isKnown) return account;
  const named = readAccounts().filter(({ name, uid }) => name !== '' && uid > 0);
  const [first] = named.filter(({ name }) => sharedNames.includes(name)).concat(named);
  return first ? { ...first, gid: account.gid } : account;
}

/** The account of a user id. One without a name is named by its number. */
export function accountOf(uid: number, gid = uid): Account & { isKnown: boolean } {
  const known = readAccounts().find((account) => account.uid === uid);
  return known ? { ...known, isKnown: true } : { name: `uid ${uid}`, uid, gid, isKnown: false };
}

/** A user id that nobody uses and that needs no entry in /etc/passwd; null if there is none. */
function ownAccount(root: string, accounts: readonly Account[]): Account | null {
  const taken = new Set(accounts.flatMap(({ uid, gid }) => [uid, gid]));
  const start = createHash('sha256').update(root).digest().readUInt32BE(0) % ownIds;
  for (let at = start; at < start + ownIds; at++) {
    const id = firstOwnId + (at % ownIds);
    const account = { name: `uid ${id}`, uid: id, gid: id };
    if (taken.has(id)) continue;
    return firstUnreachable(account, '/') === null ? account : null;
  }
  return null;
}

/** The topmost of `path` and its ancestors that the account cannot enter or execute; or null. */
export function firstUnreachable(account: Account, path: string): string | null {
  const ancestors: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    ancestors.unshift(at);
    if (at === dirname(at)) break;
  }
  const script = 'for d do [ -x "$d" ] || { printf %s "$d"; exit 1; }; done';
  const test = spawnSync('/bin/sh', ['-c', script, 'sh', ...ancestors], {
    ...identity(account),
    cwd: '/',
    encoding: 'utf8',
  });
  return test.status === 0 ? null : test.stdout || path;
}

/** Options of a spawn that make it run as the account. */
export function identity(account: Account | null): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

function readAccounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}
