/**
 * Bundles what is compiled: `node dist/release/bundles.js [app|console]`, both without an argument.
 * `app` is the program with its packages, `console` the pages of the admin console. Each gets
 * `LICENSES`, those of the packages in it.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

const program = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'none',
} satisfies BuildOptions;

/**
 * Packages that are loaded from `node_modules`: one is native, the others are seldom needed. Of a
 * CommonJS package that is imported dynamically, a bundle would have the default export only.
 */
const external = ['@redis/client', 'hyper-express', 'hyparquet-writer', 'tiktoken'];

async function bundleApp(): Promise<void> {
  rmSync(join(root, 'dist/app'), { recursive: true, force: true });
  const encoder = await bundled({
    ...program,
    mainFields: ['module', 'main'],
    entryPoints: ['src/observe/otlp/official.ts'],
    outfile: 'dist/src/observe/otlp/official.js',
  });
  const parts: BuildOptions = {
    ...program,
    external,
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    outbase: 'dist/src',
    outdir: 'dist/app',
  };
  const command = await bundled({
    ...parts,
    entryPoints: ['dist/src/cli/main.js'],
    splitting: true,
    chunkNames: 'cli/[name]-[hash]',
  });
  // Each worker and thread loads one file.
  const others = await bundled({
    ...parts,
    define: { 'globalThis.LLMPROXY_BUILD': JSON.stringify(hashOf('dist/src')) },
    entryPoints: [
      'dist/src/daemon/workers/worker-main.js',
      'dist/src/daemon/bulk/bulk-thread.js',
      'dist/src/observe/tokenizer/tokenizer-thread.js',
      'dist/src/proxy/translation/translation-thread.js',
    ],
  });
  writeLicences('dist/app', [encoder, command, others]);
}

/** A digest of all modules of a folder. */
function hashOf(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.js')).sort()) {
    hash.update(file).update(readFileSync(join(root, folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function bundleConsole(): Promise<void> {
  rmSync(join(root, 'dist/console'), { recursive: true, force: true });
  const pages = await bundled({
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    entryPoints: ['src/console/main.tsx', 'src/console/main.css'],
    outdir: 'dist/console',
    chunkNames: '[name]-[hash]',
  });
  for (const file of ['index.html', 'icon.svg']) {
    copyFileSync(join(root, 'src/console', file), join(root, 'dist/console', file));
  }
  writeLicences('dist/console', [pages]);
}

async function bundled(options: BuildOptions): Promise<Metafile> {
  const { metafile } = await build({
    ...options,
    absWorkingDir: root,
    logLevel: 'warning',
    metafile: true,
  });
  return metafile as Metafile;
}

/** Their licences ask for it wherever a copy of the packages goes. */
function writeLicences(folder: string, metafiles: readonly Metafile[]): void {
  const folders = new Set<string>();
  for (const file of metafiles.flatMap(({ inputs }) => Object.keys(inputs))) {
    const [place] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
    if (place !== undefined) folders.add(place);
  }
  const texts = [...folders].sort().map(licenceOf);
  writeFileSync(join(root, folder, 'LICENSES'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** @throws Error for a package that names no licence. */
function licenceOf(folder: string): string {
  const place = join(root, folder);
  const { name, version, license } = JSON.parse(
    readFileSync(join(place, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license?: string };
  if (!license) throw new Error(`${name} names no licence`);
  const files = readdirSync(place).filter((file) => /^(?:licen[cs]e|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(join(place, file), 'utf8').trim());
  return `${[`${name} ${version}: ${license}`, ...texts].join('\n\n')}\n`;
}

const [only] = process.argv.slice(2);
if (only !== 'console') await bundleApp();
if (only !== 'app') await bundleConsole();
