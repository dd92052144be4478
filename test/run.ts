/**
 * Runs the compiled tests on one embedded PostgreSQL in one temporary directory, and leaves
 * nothing behind. Arguments: test files, as `.ts` or `.js`, all of them unless given; `--coverage`
 * measures which lines of this process's code they run (of the sources with Node 22 or newer).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startEmbedded } from '../src/db/embedded.js';

const dist = dirname(dirname(fileURLToPath(import.meta.url)));
const coverage = process.argv.includes('--coverage');
/**
 * Node 20 leaves line ends out when it maps offsets to the sources, so that its lines are wrong and
 * code at the end of a file makes the report fail: there the report is of the compiled code.
 */
const mapsCoverage = Number.parseInt(process.versions.node, 10) >= 22;
const coverageFlags = [
  ...(mapsCoverage ? ['--enable-source-maps'] : []),
  '--experimental-test-coverage',
];
/** A file that hangs fails by its name instead of keeping the whole run from its end. */
const fileTimeoutMs = 360_000;
/** Twice the cores of a small machine: files wait for half of their time. */
const filesAtOnce = 4;
/**
 * Nobody needs the data of tests after a crash, and each file has several daemons. They open some
 * thousand connections, whose passwords cost both sides milliseconds of hashing by default.
 */
const serverSettings = [
  ...['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'],
  ...['max_connections=200', 'scram_iterations=1'],
];
/**
 * Rooms whose tests start no daemon and no database. Those of a room share a process: starting Node
 * and loading the sources takes more CPU than the tests of a file.
 */
const sharedRooms = [
  ...['config', 'dialects', 'http1', 'limits', 'mock-provider', 'policies', 'pricing'],
  ...['providers', 'proxy', 'replay', 'routing', 'server', 'upstream', 'websocket'],
];
const summaryReporter = new URL('support/summary-reporter.js', import.meta.url).href;
const named = process.argv.slice(2).filter((argument) => argument !== '--coverage');
const root = mkdtempSync(join(tmpdir(), 'llmproxy-test-'));
const files = named.length > 0 ? named.map(compiled) : allTests();
// PostgreSQL's user, where we are root, has to pass.
chmodSync(root, 0o755);
let status = 1;
try {
  bundleChanges();
  status = await run();
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.exit(status);

async function run(): Promise<number> {
  const dataDir = join(root, 'postgres');
  mkdirSync(dataDir);
  if (coverage && !mapsCoverage) {
    execFileSync('npx', ['tsc', '--sourceMap', 'false'], { cwd: dirname(dist), stdio: 'inherit' });
  }
  const server = await startEmbedded({ dataDir, owner: 'daemon', settings: serverSettings });
  const runner = spawn(
    process.execPath,
    [
      ...(coverage ? coverageFlags : []),
      ...['--test', `--test-concurrency=${filesAtOnce}`, `--test-timeout=${fileTimeoutMs}`],
      ...['spec', summaryReporter].flatMap((reporter) => [
        `--test-reporter=${reporter}`,
        '--test-reporter-destination=stdout',
      ]),
      ...files,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, LLMPROXY_TEST_DB_URL: server.dbUrl, TMPDIR: root },
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => runner.kill(signal));
  }
  const [code, signal] = (await once(runner, 'exit')) as [number | null, NodeJS.Signals | null];
  await server.stop();
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

/** The program is bundled from the compiled sources, which `tsc` alone may have changed. */
function bundleChanges(): void {
  const compiledMs = readdirSync(join(dist, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => statSync(join(dist, 'src', file)).mtimeMs);
  const bundled = statSync(join(dist, 'app/cli/main.js'), { throwIfNoEntry: false });
  if (bundled && bundled.mtimeMs >= Math.max(...compiledMs)) return;
  execFileSync('npm', ['run', '--silent', 'app'], { cwd: dirname(dist), stdio: 'inherit' });
}

function allTests(): string[] {
  const names = readdirSync(join(dist, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .sort();
  const pathOf = (name: string) => join(dist, 'test', name);
  const roomOf = (name: string) => name.split('/')[0] ?? '';
  const rooms = sharedRooms.map((room) => {
    const imports = names
      .filter((name) => roomOf(name) === room)
      .map((name) => `import ${JSON.stringify(pathToFileURL(pathOf(name)).href)};\n`);
    const file = join(root, `${room}.test.mjs`);
    writeFileSync(file, imports.join(''));
    return file;
  });
  return [...rooms, ...names.filter((name) => !sharedRooms.includes(roomOf(name))).map(pathOf)];
}

function compiled(file: string): string {
  return file.endsWith('.ts') ? join(dist, file.replace(/\.ts$/, '.js')) : resolve(file);
}
