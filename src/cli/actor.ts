import { hostname, userInfo } from 'node:os';

/** Who runs this command, for the history: the user who became root with sudo, if known. */
export function cliActor(): string {
  return `cli:${process.env.SUDO_USER || userName()}@${hostname()}`;
}

/** A user id without an entry in the system's list has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
