/**
 * Runs today's clients against a gateway with a mock provider of each kind, and prints what works.
 * Not part of `npm test`: it installs the clients from PyPI and npm into a temporary folder, or into
 * the folder in LLMPROXY_CLIENTS_DIR, which it then keeps. Arguments: names of clients, all unless
 * given. What cannot run here is skipped with its reason.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { daemonApi } from '../../src/cli/admin-api.js';
import { createDemoFolder } from '../../src/cli/demo/demo-folder.js';
import { startGateway } from '../../src/cli/demo/demo-gateway.js';
import { startMockProvider } from '../../src/mock-provider/server.js';

const sources = fileURLToPath(new URL('../../../test/clients', import.meta.url));
const installMs = 900_000;
const clientMs = 300_000;

/** A model for each kind of provider, and what its provider is. */
const models = {
  'gpt-responses': { provider_type: 'openai', params: { operations: ['chat', 'responses'] } },
  'gpt-chat': { provider_type: 'openai', params: {} },
  'claude-mock': { provider_type: 'anthropic', params: {} },
  'gemini-mock': { provider_type: 'gemini', params: {} },
} as const;

interface Run {
  code: number | null;
  output: string;
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
  timeoutMs: number,
): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const add = (text: string) => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', add);
    child.stderr.setEncoding('utf8').on('data', add);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** Installs into the folder unless it is there. @returns the reason why it cannot; null: it is. */
async function install(folder: string, isThere: string, steps: string[][]): Promise<string | null> {
  if (existsSync(join(folder, isThere))) return null;
  for (const [command = '', ...args] of steps) {
    const { code, output } = await run(command, args, folder, {}, installMs);
    if (code !== 0) return `${command} ${args[0]} failed: ${output.trim().split('\n').at(-1)}`;
  }
  return null;
}

interface Client {
  name: string;
  run(url: string, key: string): Promise<Run>;
  /** Its output must match this. */
  expects: RegExp;
}

const all = Object.keys(models).join(',');

async function pythonClients(folder: string): Promise<Client[] | string> {
  const place = join(folder, 'python');
  mkdirSync(place, { recursive: true });
  cpSync(join(sources, 'python'), place, { recursive: true });
  const refusal = await install(place, 'venv/installed', [
    ['python3', '-m', 'venv', 'venv'],
    ['venv/bin/pip', 'install', '--quiet', '-r', 'requirements.txt'],
    ['touch', 'venv/installed'],
  ]);
  if (refusal !== null) return refusal;
  const files = readdirSync(place).filter((file) => file.endsWith('.py') && file !== 'checks.py');
  return files.map((file) => ({
    name: file.slice(0, -3),
    expects: /^ok /m,
    run: (url, key) => {
      const env = { GATEWAY_URL: url, GATEWAY_KEY: key, GATEWAY_MODELS: all, OPENAI_API_KEY: key };
      return run('venv/bin/python', [file], place, env, clientMs);
    },
  }));
}

async function nodeClients(folder: string): Promise<Client[] | string> {
  const place = join(folder, 'js');
  mkdirSync(place, { recursive: true });
  cpSync(join(sources, 'js'), place, { recursive: true });
  const refusal = await install(place, 'node_modules/installed', [
    ['npm', 'install', '--no-audit', '--no-fund', '--silent'],
    ['touch', 'node_modules/installed'],
  ]);
  if (refusal !== null) return refusal;
  const script: Client = {
    name: 'ai_sdk',
    expects: /^ok /m,
    run: (url, key) => {
      const env = { GATEWAY_URL: url, GATEWAY_KEY: key, GATEWAY_MODELS: all };
      return run(process.execPath, ['ai-sdk.mjs'], place, env, clientMs);
    },
  };
  return [script, ...commandLines(place)];
}

/** Agents, each of which answers one prompt, Claude Code and Codex with a tool call before. */
function commandLines(place: string): Client[] {
  const work = join(place, 'work');
  mkdirSync(join(work, '.codex'), { recursive: true });
  mkdirSync(join(work, '.gemini'), { recursive: true });
  const auth = { security: { auth: { selectedType: 'gemini-api-key' } } };
  writeFileSync(join(work, '.gemini/settings.json'), JSON.stringify(auth));
  return [
    {
      name: 'claude_code',
      expects: /tool_result.*mock provider/s,
      run: (url, key) =>
        run(
          join(place, 'node_modules/.bin/claude'),
          [
            ...[
              '-p',
              'say hi',
              '--model',
              'claude-mock',
              '--tools',
              'Bash',
              '--allowedTools',
              'Bash',
            ],
            ...['--output-format', 'stream-json', '--verbose'],
          ],
          work,
          {
            ANTHROPIC_BASE_URL: url,
            ANTHROPIC_API_KEY: key,
            ANTHROPIC_DEFAULT_HAIKU_MODEL: 'claude-mock',
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          },
          120_000,
        ),
    },
    {
      name: 'gemini_cli',
      expects: /mock provider/,
      run: (url, key) =>
        run(
          join(place, 'node_modules/.bin/gemini'),
          ['-p', 'say hi', '-m', 'gemini-mock', '--output-format', 'json', '--skip-trust'],
          work,
          { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key, GEMINI_CLI_NO_RELAUNCH: '1' },
          120_000,
        ),
    },
    {
      name: 'codex',
      expects: /exec\n.*mock provider/s,
      run: (url, key) => {
        writeFileSync(
          join(work, '.codex/config.toml'),
          [
            'model = "gpt-responses"',
            'model_provider = "gateway"',
            '[model_providers.gateway]',
            'name = "gateway"',
            `base_url = "${url}/v1"`,
            'env_key = "GATEWAY_KEY"',
            'wire_api = "responses"',
          ].join('\n'),
        );
        const args = ['exec', '--skip-git-repo-check', '-s', 'read-only', 'say hi'];
        return run(
          join(place, 'node_modules/.bin/codex'),
          args,
          work,
          { GATEWAY_KEY: key },
          120_000,
        );
      },
    },
  ];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<boolean> {
  const kept = process.env.LLMPROXY_CLIENTS_DIR;
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'llmproxy-clients-'));
  const data = await createDemoFolder();
  const stop = new AbortController();
  const gateway = await startGateway(data.path, stop.signal);
  const mocks = await Promise.all(
    Object.keys(models).map((name) => startMockProvider({ name, chunkIntervalMs: 0 })),
  );
  let isRight = true;
  try {
    const api = daemonApi({ dataDir: data.path, adminKey: null });
    for (const [i, [model, { provider_type, params }]] of Object.entries(models).entries()) {
      const url = mocks[i]?.url ?? '';
      await api.ask('POST', '/providers', {
        provider_key: model,
        provider_type,
        api_base: provider_type === 'gemini' ? url.replace(/v1$/, 'v1beta') : url,
        api_key: 'mock-key',
        model_mapping: { [model]: model },
        provider_params: params,
      });
    }
    const path = '/credentials?wait=active';
    const { key } = (
      await api.ask<{ credential: { key: string } }>('POST', path, { name: 'clients' })
    ).credential;
    const asked = process.argv.slice(2);
    for (const [kind, open] of [
      ['Python', pythonClients],
      ['Node', nodeClients],
    ] as const) {
      const clients = await open(folder);
      if (typeof clients === 'string') {
        print(`skipped ${kind}: ${clients}`);
        continue;
      }
      for (const client of clients) {
        if (asked.length > 0 && !asked.includes(client.name)) continue;
        const { code, output } = await client.run(gateway.url, key);
        const hasPassed = code === 0 && client.expects.test(output);
        isRight &&= hasPassed;
        print(`${hasPassed ? 'passed' : 'failed'} ${client.name}`);
        const lines = output.trim().split('\n');
        const failed = lines.filter((line) => line.startsWith('failed '));
        const told = failed.length === 0 && !hasPassed ? lines.slice(-12) : failed;
        for (const line of told) print(`  ${line}`);
      }
    }
  } finally {
    await gateway.stop();
    await Promise.all(mocks.map((mock) => mock.close()));
    await data.remove();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
  return isRight;
}

process.exit((await main()) ? 0 : 1);
