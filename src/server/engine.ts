import { defectsOf } from './engine-defects.js';
import type { Engine } from './exchange.js';
import { loadHyperExpress } from './hyper-express.js';
import { netEngine } from './net.js';
import { nodeEngine } from './node.js';

export type EngineChoice = 'auto' | Engine['name'];

/**
 * The engine to serve with; `auto` is `net`.
 * @param warn called with each defect that hyper-express has on this machine.
 * @throws Error when hyper-express was asked for and is not installed or does not load.
 */
export async function selectEngine(
  choice: EngineChoice,
  warn: (message: string) => void,
): Promise<Engine> {
  if (choice === 'node') return nodeEngine;
  if (choice !== 'hyper-express') return netEngine;
  let engine: Engine;
  try {
    engine = await loadHyperExpress();
  } catch (error) {
    throw new Error(`hyper-express does not load (${reason(error)}); choose engine "auto"`, {
      cause: error,
    });
  }
  for (const defect of await defectsOf(engine)) warn(`hyper-express ${defect}`);
  return engine;
}

/** The cause in one line: the loader's message comes last. */
function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
    return 'it is not installed: npm install hyper-express@6.17.3';
  }
  const lines = String(error instanceof Error ? error.message : error)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const last = (lines.at(-1) ?? 'unknown').replace(/^Error: /, '');
  const library = /version [`']?([\w.]+)'? not found/.exec(last);
  return library === null ? last : `${library[1]} not found, Node ${process.version}`;
}
