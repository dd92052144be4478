import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import type { Closers } from '../closers.js';
import type { Scenario } from '../scenarios.js';
import { freePort, startProcess } from './process.js';
import type { Upstream } from './target.js';

/** The upstream of every target. */
export interface Mock extends Upstream {
  configure(settings: Scenario['mock']): Promise<void>;
}

export async function startMock(closers: Closers): Promise<Mock> {
  const port = await freePort();
  const { pid, ready } = startProcess({
    name: 'the mock provider',
    command: process.execPath,
    args: [fileURLToPath(new URL('mock-process.js', import.meta.url)), String(port)],
    closers,
  });
  await ready(port, '/health');
  return {
    port,
    pid,
    origin: `http://127.0.0.1:${port}`,
    certificate: null,
    configure: async (settings) => {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/mock/config`, {
        method: 'POST',
        body: JSON.stringify(settings),
      });
      await body.dump();
      if (statusCode !== 200) {
        throw new Error(`The mock provider refused its settings: status ${statusCode}`);
      }
    },
  };
}
