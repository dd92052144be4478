import type { Configuration, Team } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { ReasoningBlock } from '../../dialects/conversation.js';
import type { BudgetGrant, BudgetRequest } from '../../limits/budget-lease.js';
import type { LeaseGrant, LeaseRequest } from '../../limits/lease.js';
import type { SlotGrant, SlotRequest } from '../../limits/slot-owner.js';
import type { GatewayEvent } from '../../observe/event.js';
import type { WorkerStatus } from '../../observe/gateway-state.js';
import type { PackedRequests } from '../../observe/packed-requests.js';
import type { SharedReply, SharedRequest } from '../../policies/cache/shared-answers.js';
import type { AdminKeyHash } from '../../proxy/access/admin-key-check.js';
import type { DaemonFacts } from '../../proxy/gateway.js';
import type { Resource } from '../../proxy/resources/resources.js';
import type { ConfigurationChange } from '../../routing/configuration-change.js';
import type { TlsMaterial } from '../../server/exchange.js';
import type { Ejection } from '../../upstream/health.js';
import type { LearnedLimits } from '../../upstream/provider-limits.js';
import type { Descriptors } from './descriptors.js';
import type { PackedChange } from './packed-credentials.js';

/** Reasoning that a client of chat completions does not bring back. */
export interface KeptForCall {
  toolCallId: string;
  reasoning: readonly ReasoningBlock[];
}

/** From the control process to a worker. The first is always `start`. */
export type ToWorker =
  | StartWorker
  | { type: 'configuration'; change: ConfigurationChange; hash: string }
  /** A piece of the next `configuration`, which it completes; the worker replies `taken`. */
  | { type: 'credentials'; piece: PackedChange; teams: readonly Team[] }
  | { type: 'lease'; grant: LeaseGrant }
  /** The same for a limit besides `rate_limit`, whose buckets outlive workers. */
  | { type: 'quota'; grant: LeaseGrant }
  | { type: 'slot'; grant: SlotGrant }
  | { type: 'budget'; grant: BudgetGrant }
  /** About an answer that workers share. */
  | { type: 'cache'; reply: SharedReply }
  /** Another worker's finding about a provider. */
  | { type: 'ejection'; ejection: Ejection }
  /** The same for limits of providers. */
  | { type: 'provider_limits'; learned: LearnedLimits[] }
  /** Reasoning kept by another worker, whose clients may use this one in their next turn. */
  | { type: 'reasoning'; kept: KeptForCall }
  /** The facts that have changed. */
  | { type: 'facts'; facts: Partial<DaemonFacts> }
  /** The owners, in the order of the ids; null for an unknown one. */
  | { type: 'resources'; ask: number; found: (Resource | null)[] | null }
  | { type: 'ping'; ping: number }
  /** The control process has taken over from the one that it replaces. */
  | { type: 'in_charge' }
  /**
   * Add no more tokens to limits, because another control process does; or resume, if it failed.
   */
  | { type: 'freeze' }
  | { type: 'thaw' }
  /** The certificate was renewed. */
  | { type: 'tls'; tls: TlsMaterial }
  /** Take no new connections, finish what is in flight, end. */
  | { type: 'drain' };

export interface StartWorker {
  type: 'start';
  settings: Settings;
  /** Descriptor of the socket to accept from; null: open the port. */
  listenFd: number | null;
  /** Certificate and key, where the listener speaks TLS. */
  tls: TlsMaterial | null;
  /** Path of the control process's socket. */
  controlSocket: string;
  configuration: Configuration;
  hash: string;
  /** True where the credentials follow, the last of them with a `configuration`. */
  isPartial?: boolean;
  /** The kind of limiter: `leased` where several workers run. */
  limiter: 'full' | 'empty' | 'leased';
  /** This worker's number among `count`, from 1: determines its share while nobody leases. */
  slot: number;
  count: number;
  /** True where cached answers are shared with other workers or machines. */
  sharesAnswers: boolean;
  /** True while the control process may fail to take over: then this worker ends with it. */
  isOnTrial: boolean;
  /** Null where they are unlimited or unknown. */
  descriptors: Descriptors | null;
  /** The providers that are ejected now. */
  ejections: Ejection[];
  facts: DaemonFacts;
  /** SHA-256 of the admin key, hex. */
  adminKeyHashes: readonly AdminKeyHash[];
  /** Signs the reasoning that clients keep for providers; base64. Secret. */
  sealKey: string;
}

/** From a worker to the control process. */
export type FromWorker =
  /** It listens for messages. */
  | { type: 'loaded' }
  | { type: 'listening'; engine: string }
  | { type: 'active'; hash: string }
  | { type: 'taken' }
  | { type: 'lease'; request: LeaseRequest }
  | { type: 'quota'; request: LeaseRequest }
  | { type: 'slot'; request: SlotRequest }
  | { type: 'budget'; request: BudgetRequest }
  | { type: 'cache'; request: SharedRequest }
  | { type: 'ejection'; ejection: Ejection }
  | { type: 'provider_limits'; learned: LearnedLimits[] }
  | { type: 'reasoning'; kept: KeptForCall }
  /** A client has created it at a provider. */
  | { type: 'resource_made'; resource: Resource }
  | { type: 'find_resources'; ask: number; ids: readonly string[] }
  | { type: 'pong'; ping: number }
  /** Finished requests and other events. */
  | { type: 'events'; requests: PackedRequests; events: GatewayEvent[] }
  | { type: 'status'; status: WorkerStatus }
  /** It cannot start; the reason is for the operator. */
  | { type: 'failed'; reason: string };
