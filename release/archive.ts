import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Writes a folder as a `.tar.gz` whose bytes depend on names, modes and contents only.
 * @param name of the folder in the archive; its own unless given.
 * @param seconds since 1970: the time of every file in it.
 */
export function archive(folder: string, file: string, seconds: number, name = basename(folder)) {
  const tar = execFileSync(
    'tar',
    [
      ...['--create', '--format=gnu', '--sort=name', `--mtime=@${seconds}`],
      ...['--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,go=rX,go-w'],
      ...[`--transform=flags=r;s,^${basename(folder)},${name},`],
      ...['--directory', dirname(folder), basename(folder)],
    ],
    { maxBuffer: 2 ** 30 },
  );
  const to = openSync(file, 'w');
  execFileSync('gzip', ['--no-name', '-9'], { input: tar, stdio: ['pipe', to, 'inherit'] });
  closeSync(to);
}
