import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { executable } from '../../cli/llmproxy.js';
import { blocksOf, commandsIn } from '../../docs/blocks.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { runProgram, skipWithout } from '../../support/executable.js';
import { until } from '../../support/until.js';

/** Commands that are not run, and why. */
const skipped: readonly [pattern: RegExp, reason: string][] = [
  [/npm ci|npm test/, 'this test runs inside of it'],
  [/sudo |\/run\/|systemctl|sysctl|useradd|systemd install|\/etc\//, 'needs root, and systemd'],
  [/\/events\?/, 'does not end'],
  [/import \S+\.json/, 'needs a downloaded file'],
  [/REQUEST_ID/, 'needs the id of a request of before'],
];

/** The pages whose commands are run in order, with their prerequisites. */
const runs: readonly {
  page: string;
  language: RegExp;
  before: readonly string[];
  /** Requests for models among them. */
  requests?: number;
}[] = [
  { page: 'README.md', language: /^sh$/, before: [], requests: 1 },
  {
    page: 'docs/quick-starts.md',
    language: /^sh$/,
    before: ['export LLMPROXY_KEY=$(llmproxy keys create first)'],
    requests: 1,
  },
  { page: 'docs/admin-api.md', language: /^bash$/, before: [] },
  { page: 'docs/usage.md', language: /^sh$/, before: ['llmproxy keys create alice'] },
  {
    page: 'docs/teams.md',
    language: /^sh$/,
    before: ['llmproxy keys create worker', 'llmproxy keys create nightly'],
  },
  {
    page: 'docs/spend.md',
    language: /^sh$/,
    before: [
      'llmproxy provider add openai --api-base https://api.openai.com/v1 --api-key sk-x --map m=gpt-4o',
      'llmproxy provider add local --api-base https://api.openai.com/v1 --api-key sk-x --map n=gpt-4o',
      'llmproxy keys create alice',
      'llmproxy teams create chat',
    ],
  },
  { page: 'docs/health.md', language: /^bash$/, before: [] },
  {
    page: 'docs/cache.md',
    language: /^sh$/,
    before: [
      'llmproxy provider add mock --api-base https://api.openai.com/v1 --api-key sk-x',
      'llmproxy keys create web',
      'llmproxy teams create docs',
    ],
    requests: 2,
  },
  { page: 'docs/policies.md', language: /^sh$/, before: [] },
  { page: 'docs/providers.md', language: /^sh$/, before: [] },
  { page: 'docs/secrets.md', language: /^sh$/, before: ['llmproxy keys create alice'] },
];

/** Variables that pages take the keys of providers from. */
const providerKeys = [
  ...['ANTHROPIC_API_KEY', 'AZURE_OPENAI_API_KEY', 'AZURE_CLIENT_SECRET', 'GEMINI_API_KEY'],
  ...['BEDROCK_KEY', 'COHERE_API_KEY'],
];

const skip = skipWithout('bash') || skipWithout('curl');

for (const { page, language, before, requests = 0 } of runs) {
  test(`the commands of ${page} work`, { skip }, async (t) => {
    const { mock } = await mockForTest(t);
    const daemon = await startDaemon(t);
    if (page === 'docs/health.md') {
      await daemon.addProvider('openai-main', {
        api_base: mock.url,
        model_mapping: { 'gpt-4': 'gpt-4' },
      });
      await daemon.reload();
    }
    const commands = [
      ...before,
      ...blocksOf(page)
        .filter((block) => language.test(block.language))
        .flatMap(commandsIn),
    ].filter((command) => !skipped.some(([pattern]) => pattern.test(command)));
    assert.ok(commands.length > 1);
    const { code, output } = await run(daemon, mock.url, commands);
    assert.equal(code, 0, output);
    await until('a row for each request', async () => {
      const rows = await daemon.sql`SELECT status FROM request_logs WHERE status = 200`;
      return rows.length === requests;
    });
  });
}

/** Runs commands as a user would paste them, against this gateway and a mock provider. */
async function run(daemon: Daemon, mockUrl: string, commands: readonly string[]) {
  const bin = join(daemon.home, 'bin');
  mkdirSync(bin);
  const script = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const node = `exec "${process.execPath}" "${executable}"`;
  script('llmproxy', `${node} "$@"`);
  script('npx', `shift; ${node} "$@"`);
  // Claude Code is not installed here: it would send this.
  script(
    'claude',
    `exec curl -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" $ANTHROPIC_BASE_URL/v1/messages \\
      -d '{"model":"claude-demo","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'`,
  );
  const { host } = new URL(daemon.url);
  const text = commands
    .join('\n')
    .replaceAll('https://api.openai.com/v1', mockUrl)
    .replaceAll('--type anthropic', `--type anthropic --api-base ${mockUrl}`)
    .replaceAll('localhost:18000', host)
    .replaceAll('…', 'any')
    .replaceAll('YOUR_KEY', '$LLMPROXY_KEY')
    .replace(/^export ADMIN_KEY=.*$/gm, '');
  return await runProgram('env', [
    '-i',
    ...Object.entries({
      PATH: `${bin}:${process.env.PATH}`,
      HOME: daemon.home,
      LLMPROXY_CONFIG: join(daemon.home, 'config/llmproxy.yaml'),
      LLMPROXY_DATA_DIR: daemon.dataDir,
      DB_URL: daemon.dbUrl,
      ADMIN_KEY: daemon.adminKey,
      ...Object.fromEntries(providerKeys.map((name) => [name, 'sk-any'])),
    }).map(([name, value]) => `${name}=${value}`),
    ...['bash', '-c'],
    `set -eux; cd "$HOME"; curl() { command curl --fail-with-body -sS "$@"; }; export -f curl\n${text}`,
  ]);
}
