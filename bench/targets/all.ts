import { agentgateway } from './agentgateway.js';
import { nodeUndici, uwsDispatch } from './bare.js';
import { direct } from './direct.js';
import { gomodel } from './gomodel.js';
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

/** Paths of separately installed software; null: not installed. */
export interface Peers {
  /** Another checkout of llmproxy. */
  baseline: string | null;
  portkey: string | null;
  litellm: string | null;
  /** Files to execute. */
  agentgateway: string | null;
  gomodel: string | null;
}

/** Every target, in the order of the table. */
export function allTargets(peers: Peers): Target[] {
  return [
    direct,
    nginx,
    uwsDispatch,
    nodeUndici,
    llmproxyDefault,
    llmproxyBaseline(peers.baseline),
    llmproxyNode,
    llmproxyTwoWorkers,
    llmproxySpend,
    llmproxyCache,
    llmproxyGuardrails,
    llmproxyOtherGuardrails,
    portkey(peers.portkey),
    litellm(peers.litellm),
    agentgateway(peers.agentgateway),
    gomodel(peers.gomodel),
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
