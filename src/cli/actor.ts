import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { accountOf } from '../db/embedded/account.js';

let actor: string | undefined;

/**
 * Who runs this command, for the history: who logged in, where the kernel knows (also behind sudo),
 * else the user of this process as it was started. Variables such as SUDO_USER are not believed,
 * since anybody can set them.
 */
export function cliActor(): string {
  actor ??= `cli:${loginName() ?? ownName()}@${hostname()}`;
  return actor;
}

/** PAM sets the login's user id, and only who may change the kernel's audit settings can change it. */
function loginName(): string | null {
  try {
    const uid = Number(readFileSync('/proc/self/loginuid', 'utf8'));
    const isKnown = uid !== 4_294_967_295 && uid !== process.getuid?.();
    return isKnown ? accountOf(uid).name : null;
  } catch {
    return null;
  }
}

/** A user id without an entry in the system's list has no name. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
