/**
 * `npm run test:nodes`: runs tests on other versions of Node, which npm's package `node` brings.
 * Arguments: versions, all of them by default; test files, by default those of parser, engines,
 * client and the whole daemon. It prints what failed and the tests that a version skips, with the
 * reasons, and a version that npm cannot get.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const supported = ['20', '22', '24'];
const runner = fileURLToPath(new URL('run.js', import.meta.url));
const defaults = [
  ...['http1/request-parser', 'http1/response-parser', 'http1/chunked-body'],
  ...['http1/differential', 'http1/published-cases', 'server/published-cases'],
  ...['server/conformance', 'server/net', 'server/drain', 'upstream/client/net-pool'],
  ...['io/clients/bytes', 'io/clients/routing', 'io/daemon/hot-swap', 'io/daemon/upgrade'],
  ...['io/daemon/crash', 'io/daemon/listener', 'io/daemon/start'],
].map((name) => `test/${name}.test.ts`);
const given = process.argv.slice(2);
const isVersion = (text: string) => /^\d+$/.test(text);
const versions = given.some(isVersion) ? given.filter(isVersion) : supported;
const named = given.filter((text) => !isVersion(text));
const files = named.length > 0 ? named : defaults;

const results = versions.map((version) => `Node ${version}: ${run(version)}`);
process.stdout.write(`\n${results.join('\n')}\n`);

/** The outcome in words. A failure makes this process fail too. */
function run(version: string): string {
  const node = ['--yes', '--package', `node@${version}`, '--', 'node'];
  const found = spawnSync('npx', [...node, '--version'], { encoding: 'utf8' });
  if (found.status !== 0) {
    return `skipped: ${found.stderr.trim().split('\n').at(-1) ?? 'npm cannot get it'}`;
  }
  process.stdout.write(`== ${found.stdout.trim()}\n`);
  const { status, stdout } = spawnSync('npx', [...node, runner, ...files], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  const lines = stdout.split('\n');
  const skipped = lines.filter((line) => /^\s*﹣.+ # /.test(line));
  const failures = lines.indexOf('✖ failing tests:');
  const failed = failures < 0 ? [] : lines.slice(failures);
  process.stdout.write([...failed, ...skipped, ''].join('\n'));
  if (status !== 0) process.exitCode = 1;
  const [, passed = '0'] = /^ℹ pass (\d+)/m.exec(stdout) ?? [];
  const ended = status === 0 ? 'passed' : `FAILED with ${status}`;
  return `${found.stdout.trim()} ${ended}: ${passed} passed, ${skipped.length} skipped`;
}
