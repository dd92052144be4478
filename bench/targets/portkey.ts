import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './process.js';
import type { Target } from './target.js';

/** Portkey's gateway, installed by `npm install --prefix DIR @portkey-ai/gateway`. */
export function portkey(installedIn: string | null): Target {
  const script = join(installedIn ?? '', 'node_modules/@portkey-ai/gateway/build/start-server.js');
  return {
    name: 'portkey',
    unavailable: () => {
      if (installedIn === null) {
        return 'no --portkey DIR was given';
      }
      return existsSync(script) ? null : `${script} does not exist`;
    },
    start: async ({ mock, closers }) => {
      const port = await freePort();
      const { pid, ready } = startProcess({
        name: 'portkey',
        command: process.execPath,
        args: [script, `--port=${port}`, '--headless'],
        closers,
      });
      await ready(port, '/');
      const headers = {
        authorization: 'Bearer mock',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `http://127.0.0.1:${mock.port}/v1`,
      };
      return { port, pid, headers };
    },
  };
}
