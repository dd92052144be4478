import { fileURLToPath } from 'node:url';
import { freePort, startProcess } from './process.js';
import type { Target } from './target.js';
import { trust } from './tls.js';

/** A proxy that only forwards: the cost of the libraries without a gateway around them. */
function bare(name: string, file: string): Target {
  return {
    name,
    unavailable: () => null,
    start: async ({ upstream, closers }) => {
      const port = await freePort();
      const { pid, ready } = startProcess({
        name,
        command: process.execPath,
        args: [
          fileURLToPath(new URL(`proxies/${file}`, import.meta.url)),
          String(port),
          upstream.origin,
        ],
        env: trust(upstream),
        closers,
      });
      await ready(port, '/health');
      return { port, pid, headers: { authorization: 'Bearer bench' } };
    },
  };
}

export const nodeUndici = bare('node-undici', 'node-undici.js');
export const uwsDispatch = bare('uws-dispatch', 'uws-dispatch.js');
