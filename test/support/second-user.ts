import { chownSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accountOf, firstUnreachable } from '../../src/db/embedded/account.js';

const line = readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+):(\d+):/m);

/** A user who is not root and owns nothing. */
export const nobody = { name: 'nobody', uid: Number(line?.[1]), gid: Number(line?.[2]) };

/** For the `skip` of a test that needs two users: why it cannot run, or false. */
export const withoutSecondUser = reason();

function reason(): string | false {
  if (process.getuid?.() !== 0) return 'only root can act as a second user';
  if (!line || !accountOf(nobody.uid).isKnown) return 'this system has no user nobody';
  const obstacle = firstUnreachable(nobody, fileURLToPath(new URL('../..', import.meta.url)));
  return obstacle !== null && `${obstacle} is closed to the user nobody`;
}

/** Gives a file or directory, not what is in it, to that user. */
export function giveToNobody(path: string): void {
  chownSync(path, nobody.uid, nobody.gid);
}

/** What below the directory does not belong to that user. */
export function notOfNobody(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (name) => lstatSync(join(directory, name)).uid !== nobody.uid,
  );
}
