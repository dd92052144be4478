import { selectEngine } from '../server/engine.js';
import { createHandler } from './handle-request.js';
import { behaviourOf, type MockOptions } from './options.js';
import type { MockStats } from './stats.js';

export type { MockOptions } from './options.js';
export type { MockStats, RequestSeen } from './stats.js';

/** A mock provider that runs in this process. */
export interface MockProvider {
  readonly port: number;
  /** The value for `api_base`, such as `http://127.0.0.1:18080/v1`. */
  readonly url: string;
  /** A live view. */
  readonly stats: MockStats;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

/**
 * Starts an OpenAI-compatible upstream that needs no account: chat and legacy completions,
 * embeddings, models. It answers deterministically, and any API key is accepted.
 * @throws RangeError naming an option that is out of range; the engine's error when it cannot
 *   listen.
 */
export async function startMockProvider(options: MockOptions = {}): Promise<MockProvider> {
  const { port = 0, host = '127.0.0.1', name = 'mock' } = options;
  const { handler, stats } = createHandler(name, behaviourOf(options));
  // The user of a mock does not care which engine answers, so the warning is dropped.
  const engine = await selectEngine('auto', () => {});
  const server = await engine.listen({ host, port, handler });
  return {
    port: server.port,
    url: `http://${urlHost(host)}:${server.port}/v1`,
    stats,
    close: async () => server.close(),
  };
}

/** The host of a URL that reaches a listener on `host`. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') {
    return '127.0.0.1';
  }
  return host.includes(':') ? `[${host}]` : host;
}
