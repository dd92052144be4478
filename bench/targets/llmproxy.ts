import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, runCommand, startProcess } from './process.js';
import type { Target } from './target.js';
import { trust } from './tls.js';

const executable = fileURLToPath(new URL('../../../bin/llmproxy.js', import.meta.url));

/**
 * The gateway as a user starts it: embedded database, a provider, a key with a rate limit.
 * @param nodeOptions of the control process; workers inherit them.
 * @param setUp commands before the key is made.
 * @param keyFlags of the key.
 * @param bin the executable of the checkout to start; this one by default.
 */
export function llmproxy(
  name: string,
  engine: string,
  workers: number,
  nodeOptions: readonly string[] = [],
  setUp: readonly (readonly string[])[] = [],
  keyFlags: readonly string[] = [],
  bin: string = executable,
): Target {
  return {
    name,
    unavailable: () => null,
    start: async ({ upstream, directory, closers }) => {
      const port = await freePort();
      const dataDirectory = join(directory, 'data');
      const env = { LLMPROXY_DATA_DIR: dataDirectory, ...trust(upstream) };
      const run = (...args: string[]) => runCommand(process.execPath, [bin, ...args], env);
      const { pid, ready } = startProcess({
        name,
        command: process.execPath,
        args: [
          ...nodeOptions,
          bin,
          'serve',
          ...['--port', String(port), '--host', '127.0.0.1', '--data-dir', dataDirectory],
          ...['--engine', engine, '--workers', String(workers)],
        ],
        env,
        closers,
      });
      await ready(port, '/health');
      const base = `${upstream.origin}/v1`;
      await run('provider', 'add', 'mock', '--api-base', base, '--api-key', 'mock');
      for (const command of setUp) await run(...command);
      // The limit is never reached, but every request pays for the check.
      const limit = ['--rate-limit', '1000000'];
      const created = await run('keys', 'create', 'bench', ...limit, ...keyFlags, '--json');
      const { key } = JSON.parse(created) as { key: string };
      return { port, pid, headers: { authorization: `Bearer ${key}` } };
    },
  };
}

export const llmproxyDefault = llmproxy('llmproxy', 'net', 1);

/** Another checkout of llmproxy, built by `npm ci`, to compare a change in one run. */
export function llmproxyBaseline(checkout: string | null): Target {
  const bin = join(checkout ?? '', 'bin/llmproxy.js');
  return {
    ...llmproxy('llmproxy-baseline', 'net', 1, [], [], [], bin),
    unavailable: () => {
      if (checkout === null) return 'no --baseline DIR was given';
      return existsSync(bin) ? null : `${bin} does not exist`;
    },
  };
}

export const llmproxyNode = llmproxy('llmproxy-node', 'node', 1);
export const llmproxyTwoWorkers = llmproxy('llmproxy-2w', 'net', 2);
/** A price, and a hard budget that never runs out, for every request. */
export const spendSetUp: readonly (readonly string[])[] = [
  [
    ...['prices', 'set', 'bench', '--model', '*', '--provider', 'any'],
    ...['--input', '0.001', '--output', '0.001', '--max-output-tokens', '4096'],
  ],
  ['budgets', 'create', 'bench', '--amount', '100000', '--window', 'total', '--mode', 'hard'],
];

/** Every request is priced, and reserves and settles in the budget. */
export const llmproxySpend = llmproxy('llmproxy-spend', 'net', 1, [], spendSetUp);

export const cacheFlags: readonly string[] = ['--cache', 'on', '--cache-requests', 'all'];

/** Every answer but the first is a kept one. */
export const llmproxyCache = llmproxy('llmproxy-cache', 'net', 1, [], [], cacheFlags);

/** Every prompt is searched for personal data and for a pattern, and every stream is held. */
export const guardrailsSetUp: readonly (readonly string[])[] = [
  ['guardrails', 'add', 'pii', '--kind', 'pii'],
  ['guardrails', 'add', 'words', '--kind', 'regex', '--pattern', 'words=(?i)top secret'],
];

export const llmproxyGuardrails = llmproxy('llmproxy-guardrails', 'net', 1, [], guardrailsSetUp);

/** Guardrails of another key: they cost a look-up. */
export const llmproxyOtherGuardrails = llmproxy(
  'llmproxy-other-guardrails',
  'net',
  1,
  [],
  [['guardrails', 'add', 'pii', '--kind', 'pii', '--key', 'nobody']],
);
