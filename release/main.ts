/**
 * `npm run release [-- --out DIR]`: what people install, from the last commit of a clean checkout.
 * The npm package; an archive and a Debian package for linux-x64 with Node and PostgreSQL inside;
 * the documentation as a site; an SBOM; notes from CHANGELOG.md; checksums. The same commit gives the
 * same bytes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { archive } from './archive.js';
import { makeBundle } from './bundle.js';
import { writeDeb } from './debian-package.js';
import { releaseNotes } from './notes.js';
import { writeSbom } from './sbom.js';
import { writeSite } from './site/site.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: 'release-out' } } });
const out = resolve(values.out);
const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

if (git('status', '--porcelain', '--untracked-files=no') !== '') {
  process.stderr.write('error: there are changes that are not committed\n');
  process.exit(1);
}
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string;
  version: string;
};
const seconds = Number(git('log', '-1', '--format=%ct'));
const work = mkdtempSync(join(tmpdir(), 'llmproxy-release-'));
try {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  // A checkout of its own: nothing that happens to lie here gets in.
  const source = join(work, 'source');
  execFileSync('git', ['clone', '--quiet', root, source]);
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  npm(source, 'ci');
  npm(source, 'pack', '--ignore-scripts', '--pack-destination', out);

  const bundle = join(work, `${name}-${version}-linux-x64`);
  makeBundle({ bundle, source, packed: join(out, `${name}-${version}.tgz`), npm });
  archive(bundle, join(out, `${name}-${version}-linux-x64.tar.gz`), seconds);
  writeDeb({ bundle, source, version, seconds, work, out });
  const site = join(work, `${name}-${version}-docs`);
  writeSite(source, site);
  archive(site, join(out, `${name}-${version}-docs.tar.gz`), seconds);
  writeSbom({ source, file: join(out, `${name}-${version}.cdx.json`), seconds, npm });
  const notes = releaseNotes(readFileSync(join(source, 'CHANGELOG.md'), 'utf8'), version);
  writeFileSync(join(out, 'NOTES.md'), notes);
  cpSync(join(source, 'LICENSE'), join(out, 'LICENSE'));

  const sums = readdirSync(out)
    .sort()
    .map((file) => `${sha256(join(out, file))}  ${file}\n`)
    .join('');
  writeFileSync(join(out, 'SHA256SUMS'), sums);
  process.stdout.write(sums);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
