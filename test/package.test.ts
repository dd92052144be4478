import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Locked {
  resolved?: string;
  dev?: boolean;
  peer?: boolean;
  os?: readonly string[];
  cpu?: readonly string[];
}

/** Not our own files, nor Node's with `node:`. */
const importedPackage =
  /(?:^(?:import|export|\})[^'"\n]*\sfrom|^import|\bimport\()\s*'([^'.:][^':]*)'/gm;

/** Packages that the bundle loads from `node_modules`. */
const external = ['@redis/client', 'hyparquet-writer', 'tiktoken'];

/** The same in a bundle. */
const bundledImport = /(?:^import [^'"]*?|^\} from |\bimport\()"([^"./:][^":]*)"/gm;

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
};
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>;
};

test('an older Node is refused by name before it parses unsupported code', () => {
  const executable = join(root, 'bin/llmproxy.js');
  for (const version of ['18.20.8', '20.17.9', '16.0.0']) {
    const pretend = `Object.defineProperty(process, 'versions', {value: {node: '${version}'}})`;
    const run = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, executable, '--version'],
      { encoding: 'utf8' },
    );
    assert.equal(run.stderr, `llmproxy needs Node 20.18 or newer, this is ${version}\n`);
    assert.equal(run.status, 1);
    assert.equal(run.stdout, '');
  }
});

test('at most 60 packages are installed to run it, none from outside the registry', () => {
  const installed = Object.entries(packages).filter(
    ([path, { dev, peer, os, cpu }]) =>
      path !== '' &&
      !dev &&
      !peer &&
      (!os || os.includes(process.platform)) &&
      (!cpu || cpu.includes(process.arch)),
  );
  assert.ok(installed.length <= 60, `${installed.length} packages`);
  for (const [path, { resolved }] of Object.entries(packages)) {
    assert.doesNotMatch(resolved ?? '', /^git|github|^file:/, path);
  }
});

test('nothing that reports its installation to somebody is among the packages', () => {
  for (const path of Object.keys(packages).filter((each) => each.endsWith('@scarf/scarf'))) {
    assert.equal(Reflect.get(packages[path] ?? {}, 'name'), 'empty-npm-package');
  }
});

test('every package that the sources import is installed with the package', () => {
  const kept = { ...manifest.dependencies, ...manifest.peerDependencies };
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    // The console is bundled: the package has none of its sources.
    if (!file.endsWith('.ts') || file.startsWith('console/')) continue;
    // The imports of this file are bundled into it.
    const isBundled = file === 'observe/otlp/official.ts';
    const place = isBundled ? join('dist/src', file.replace(/ts$/, 'js')) : join('src', file);
    const text = readFileSync(join(root, place), 'utf8');
    for (const [, specifier] of text.matchAll(importedPackage)) {
      const name = specifier?.match(/^(@[^/]+\/)?[^/]+/)?.[0] ?? '';
      const isKnown = name in kept || builtinModules.includes(name);
      assert.ok(isKnown, `${file} imports ${name}, which is not installed`);
    }
  }
});

test('the program loads its packages from the bundle, where few files hold them', () => {
  const app = join(root, 'dist/app');
  const files = readdirSync(app, { recursive: true, encoding: 'utf8' });
  const loaded = new Set<string>();
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(app, file), 'utf8');
    assert.doesNotMatch(text, /^export default require_/m, `${file}: its named exports are lost`);
    for (const [, package_ = ''] of text.matchAll(bundledImport)) loaded.add(package_);
  }
  for (const name of builtinModules) loaded.delete(name);
  assert.deepEqual([...loaded].sort(), external);
});

test('the licence of each package goes with the bundle that has it', () => {
  const program = readFileSync(join(root, 'dist/app/LICENSES'), 'utf8');
  const bundled = Object.keys(manifest.dependencies).filter((name) => !external.includes(name));
  for (const name of [...bundled, '@opentelemetry/otlp-transformer']) {
    assert.match(program, new RegExp(`^${name} [0-9.]+: \\S+$`, 'm'), name);
  }
  const pages = readFileSync(join(root, 'dist/console/LICENSES'), 'utf8');
  for (const name of ['preact', '@preact/signals', 'uplot']) {
    assert.match(pages, new RegExp(`^${name} [0-9.]+: MIT\n\n.*Copyright`, 'ms'), name);
  }
});

test('the package has what it runs with, and neither tests nor benchmarks', () => {
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const answer = JSON.parse(listed) as unknown;
  const [packed] = (Array.isArray(answer) ? answer : Object.values(answer as object)) as {
    files: { path: string }[];
  }[];
  const paths = new Set(packed?.files.map(({ path }) => path));
  for (const path of [
    ...['bin/llmproxy.js', 'dist/app/cli/main.js', 'dist/app/daemon/workers/worker-main.js'],
    // Daemons of versions that were not bundled look for it.
    'dist/src/daemon/workers/worker.js',
    ...['dist/docs-ui/swagger-ui.css', 'man/llmproxy.1', 'config/llmproxy.schema.json'],
    ...[
      'systemd/llmproxy.service',
      'README.md',
      'LICENSE',
      'dist/app/LICENSES',
      'dist/console/LICENSES',
    ],
    ...readdirSync(join(root, 'migrations')).map((file) => `migrations/${file}`),
  ]) {
    assert.ok(paths.has(path), path);
  }
  for (const path of paths) assert.doesNotMatch(path, /^(dist\/)?(test|bench)\//);
});
