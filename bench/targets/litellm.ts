import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './process.js';
import type { Target, Upstream } from './target.js';

/** LiteLLM's proxy with one worker and no log, from the virtual environment in this directory. */
export function litellm(installedIn: string | null): Target {
  const executable = join(installedIn ?? '', 'bin/litellm');
  return {
    name: 'litellm',
    unavailable: () => {
      if (installedIn === null) return 'no --litellm DIR was given';
      return existsSync(executable) ? null : `${executable} does not exist`;
    },
    start: async ({ upstream, directory, closers }) => {
      const port = await freePort();
      const file = join(directory, 'litellm.json');
      writeFileSync(file, JSON.stringify(configuration(upstream)));
      const { certificate } = upstream;
      const { pid, ready } = startProcess({
        name: 'litellm',
        command: executable,
        args: ['--config', file, '--host', '127.0.0.1', '--port', String(port)],
        env: {
          LITELLM_LOG: 'ERROR',
          LITELLM_LOCAL_MODEL_COST_MAP: 'True',
          ...(certificate === null ? {} : { SSL_CERT_FILE: certificate }),
        },
        closers,
      });
      await ready(port, '/health/liveliness');
      return { port, pid, headers: { authorization: 'Bearer sk-bench' } };
    },
  };
}

/** Written as JSON, which is valid YAML. */
function configuration({ origin }: Upstream): object {
  return {
    model_list: ['gpt-4o', 'mock-size-200000', 'text-embedding-3-large'].map((model) => ({
      model_name: model,
      litellm_params: { model: `openai/${model}`, api_base: `${origin}/v1`, api_key: 'mock' },
    })),
    general_settings: { master_key: 'sk-bench' },
    litellm_settings: { set_verbose: false, telemetry: false },
  };
}
