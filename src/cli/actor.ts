import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { accountOf } from '../db/embedded/account.js';

let actor: string | undefined;

/**
 * The user of this command, for the history: the login user where the kernel knows it (also behind
 * sudo), else the user who started this process. Variables such as SUDO_USER are not trusted, since
 * anybody can set them.
 */
export function cliActor(): string {
  actor ??= `cli:${loginName() ?? ownName()}@${hostname()}`;
  return actor;
}

/** PAM sets the login user id; changing it takes the right to administer the kernel's audit. */
function loginName(): string | null {
  try {
    const uid = Number(readFileSync('/proc/self/loginuid', 'utf8'));
    const isKnown = uid !== 4_294_967_295 && uid !== process.getuid?.();
    return isKnown ? accountOf(uid).name : null;
  } catch {
    return null;
  }
}

/** The user's name, or the id where the system has no name for it. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
