import { chownSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accountOf, firstUnreachable } from '../../src/db/embedded/account.js';

const line = readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+):(\d+):/m);

/** A user who is not root and owns nothing. */
export const nobody = { name: 'nobody', uid: Number(line?.[1]), gid: Number(line?.[2]) };

/** For the `skip` of a test that needs two users: the reason, or false to run. */
export const withoutSecondUser = reason();

function reason(): string | false {
  if (process.getuid?.() !== 0) return 'only root can act as a second user';
  if (!line || !accountOf(nobody.uid).isKnown) return 'this system has no user nobody';
  const checkout = fileURLToPath(new URL('../..', import.meta.url));
  const obstacle = firstUnreachable(nobody, checkout) ?? firstUnreachable(nobody, process.execPath);
  return obstacle !== null && `${obstacle} is closed to the user nobody`;
}

/** Makes that user the owner of a file or directory, but not of its content. */
export function giveToNobody(path: string): void {
  chownSync(path, nobody.uid, nobody.gid);
}

/** Paths below the directory that do not belong to that user. */
export function notOfNobody(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    // A temporary file may be renamed at this moment.
    const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
    return stats !== undefined && stats.uid !== nobody.uid;
  });
}
