import { nodeUndici, uwsDispatch } from './bare.js';
import { direct } from './direct.js';
import { llmproxyDefault, llmproxyNode, llmproxyTwoWorkers } from './llmproxy.js';
import { nginx } from './nginx.js';
import { portkey } from './portkey.js';
import type { Target } from './target.js';

/** Every target, in the order of the table. */
export function allTargets(portkeyDirectory: string | null): Target[] {
  return [
    direct,
    nginx,
    uwsDispatch,
    nodeUndici,
    llmproxyDefault,
    llmproxyNode,
    llmproxyTwoWorkers,
    portkey(portkeyDirectory),
  ];
}

/** Measured only when asked for by name. */
export const optionalTargets: readonly string[] = [llmproxyTwoWorkers.name];
