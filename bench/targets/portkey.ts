import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './process.js';
import type { Target } from './target.js';
import { trust } from './tls.js';

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
    start: async ({ upstream, closers }) => {
      const port = await freePort();
      const { pid, ready } = startProcess({
        name: 'portkey',
        command: process.execPath,
        args: [script, `--port=${port}`, '--headless'],
        env: trust(upstream),
        closers,
      });
      await ready(port, '/');
      const headers = {
        authorization: 'Bearer mock',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `${upstream.origin}/v1`,
      };
      return { port, pid, headers };
    },
  };
}
