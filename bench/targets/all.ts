import { nodeUndici, uwsDispatch } from './bare.js';
import { direct } from './direct.js';
import { litellm } from './litellm.js';
import {
  llmproxyBaseline,
  llmproxyCache,
  llmproxyDefault,
  llmproxyGuardrails,
  llmproxyNode,
  llmproxyOtherGuardrails,
  llmproxySpend,
  llmproxyTwoWorkers,
} from './llmproxy.js';
import { nginx } from './nginx.js';
import { portkey } from './portkey.js';
import type { Target } from './target.js';

/** Directories of separately installed software; null where not installed. */
export interface PeerDirectories {
  /** Another checkout of llmproxy. */
  baseline: string | null;
  portkey: string | null;
  litellm: string | null;
}

/** Every target, in the order of the table. */
export function allTargets({
  baseline,
  portkey: node,
  litellm: python,
}: PeerDirectories): Target[] {
  return [
    direct,
    nginx,
    uwsDispatch,
    nodeUndici,
    llmproxyDefault,
    llmproxyBaseline(baseline),
    llmproxyNode,
    llmproxyTwoWorkers,
    llmproxySpend,
    llmproxyCache,
    llmproxyGuardrails,
    llmproxyOtherGuardrails,
    portkey(node),
    litellm(python),
  ];
}

/** Measured only when named. */
export const optionalTargets: readonly string[] = [
  llmproxyTwoWorkers.name,
  llmproxySpend.name,
  llmproxyCache.name,
  llmproxyGuardrails.name,
  llmproxyOtherGuardrails.name,
];
