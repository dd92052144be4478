import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './process.js';
import type { Target, Upstream } from './target.js';
import { trust } from './tls.js';

/** agentgateway (Rust), from the executable in this file, with a key and no log of requests. */
export function agentgateway(executable: string | null): Target {
  return {
    name: 'agentgateway',
    unavailable: () => {
      if (executable === null) return 'no --agentgateway FILE was given';
      return existsSync(executable) ? null : `${executable} does not exist`;
    },
    start: async ({ upstream, directory, closers }) => {
      const [port, admin, stats, readiness] = await Promise.all([
        freePort(),
        freePort(),
        freePort(),
        freePort(),
      ]);
      const file = join(directory, 'agentgateway.yaml');
      const configured = configuration(upstream, port, { admin, stats, readiness });
      writeFileSync(file, JSON.stringify(configured));
      const { pid, ready } = startProcess({
        name: 'agentgateway',
        command: executable ?? '',
        args: ['--file', file],
        env: { ...trust(upstream), RUST_LOG: 'error' },
        closers,
      });
      await ready(port, '/v1/models');
      return { port, pid, headers: { authorization: 'Bearer sk-bench' } };
    },
  };
}

/** Written as JSON, which is valid YAML. */
function configuration(
  { origin }: Upstream,
  port: number,
  { admin, stats, readiness }: Record<'admin' | 'stats' | 'readiness', number>,
): object {
  return {
    config: {
      adminAddr: `127.0.0.1:${admin}`,
      statsAddr: `127.0.0.1:${stats}`,
      readinessAddr: `127.0.0.1:${readiness}`,
    },
    llm: {
      port,
      policies: { apiKey: { mode: 'strict', keys: [{ key: 'sk-bench' }] } },
      models: ['gpt-4o', 'mock-size-200000', 'text-embedding-3-large'].map((model) => ({
        name: model,
        provider: 'openAI',
        params: { model, apiKey: 'mock', baseUrl: `${origin}/v1` },
      })),
    },
  };
}
