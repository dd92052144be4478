import type { Engine } from './exchange.js';
import { loadHyperExpress } from './hyper-express.js';
import { netEngine } from './net.js';
import { nodeEngine } from './node.js';

export type EngineChoice = 'auto' | 'net' | 'hyper-express' | 'node';

/**
 * The engine to serve with. `auto` takes hyper-express where its native module loads, and
 * otherwise node:http, with one call of `warn` that says why.
 * @throws when hyper-express was asked for by name and does not load.
 */
export async function selectEngine(
  choice: EngineChoice,
  warn: (message: string) => void,
): Promise<Engine> {
  if (choice === 'node') return nodeEngine;
  if (choice === 'net') return netEngine;
  try {
    return await loadHyperExpress();
  } catch (error) {
    const problem = `hyper-express: native module does not load on this machine (${reason(error)})`;
    if (choice === 'hyper-express') {
      throw new Error(`${problem}; choose engine "auto" or "node"`, { cause: error });
    }
    warn(`${problem}; using node:http`);
    return nodeEngine;
  }
}

/** The cause in one line: the loader's own words come last. */
function reason(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const last = (lines.at(-1) ?? 'unknown').replace(/^Error: /, '');
  const library = /version [`']?([\w.]+)'? not found/.exec(last);
  return library === null ? last : `${library[1]} not found, Node ${process.version}`;
}
