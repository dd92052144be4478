import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseError } from '../database-error.js';

/** A user of this system. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/**
 * Whom PostgreSQL is to run as: null for ourselves. PostgreSQL refuses to run as root, so root's
 * runs as the owner of the data it has, else as `postgres`, else as `nobody`.
 */
export function postgresAccount(data: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  const accounts = readAccounts();
  const owner = statSync(data, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) {
    const name = accounts.find(({ uid }) => uid === owner.uid)?.name ?? `uid ${owner.uid}`;
    return { name, uid: owner.uid, gid: owner.gid };
  }
  const account = ['postgres', 'nobody']
    .map((name) => accounts.find((candidate) => candidate.name === name))
    .find((candidate) => candidate !== undefined && candidate.uid !== 0);
  if (account) return account;
  throw new DatabaseError(
    'PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody: ' +
      'run llmproxy as another user, or set DB_URL',
  );
}

/** The topmost of `path` and its ancestors that the account cannot enter or execute; null if none. */
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

/** The options of a spawn that make it run as the account. */
export function identity(account: Account | null): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

function readAccounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}
