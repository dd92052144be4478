import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess } from './process.js';
import type { Target } from './target.js';
import { trust } from './tls.js';

/** GoModel (Go), from the executable in this file, with a key and its usage kept in SQLite. */
export function gomodel(executable: string | null): Target {
  return {
    name: 'gomodel',
    unavailable: () => {
      if (executable === null) return 'no --gomodel FILE was given';
      return existsSync(executable) ? null : `${executable} does not exist`;
    },
    start: async ({ upstream, directory, closers }) => {
      const port = await freePort();
      const { pid, ready } = startProcess({
        name: 'gomodel',
        command: executable ?? '',
        args: [],
        env: {
          ...trust(upstream),
          PORT: String(port),
          LOG_LEVEL: 'error',
          GOMODEL_MASTER_KEY: 'sk-bench',
          GOMODEL_CACHE_DIR: join(directory, 'gomodel-models'),
          SQLITE_PATH: join(directory, 'gomodel.db'),
          MODEL_LIST_URL: '',
          OPENAI_BASE_URL: `${upstream.origin}/v1`,
          OPENAI_API_KEY: 'mock',
        },
        closers,
      });
      await ready(port, '/health');
      return { port, pid, headers: { authorization: 'Bearer sk-bench' } };
    },
  };
}
