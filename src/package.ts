import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { folder, manifest } = findPackage();

/** The version in package.json. */
export const packageVersion: string = manifest.version;

/** A file or folder of this package, such as `migrations`, wherever the running code lies in it. */
export function inPackage(path: string): string {
  return join(folder, path);
}

function findPackage() {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, 'package.json');
    const manifest = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
    if (manifest?.name === 'llmproxy') return { folder, manifest };
    if (folder === dirname(folder))
      throw new Error('The folder of the package llmproxy is not found');
    folder = dirname(folder);
  }
}
