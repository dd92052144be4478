import type { Settings } from '../../config/settings/settings-types.js';
import type { BudgetRequest } from '../../limits/budget-lease.js';
import type { LeaseGrant } from '../../limits/lease.js';
import type { Emit } from '../../observe/event.js';
import type { OwnerCacheStatus } from '../../observe/gateway-state.js';
import { AnswerOwner } from '../../policies/cache/answer-owner.js';
import type { RemoteAnswers } from '../../policies/cache/remote-answers.js';
import type { Resource } from '../../proxy/resources/resources.js';
import type { Ejection } from '../../upstream/health.js';
import type { LearnedLimits } from '../../upstream/provider-limits.js';
import type { Resources } from '../follow/resources.js';
import { Ejections } from './ejections.js';
import { LimitLevels } from './limit-levels.js';
import type { FromWorker } from './messages.js';
import { SharedLimits } from './shared-limits.js';
import type { WorkerPool } from './worker-pool.js';
import type { WorkerProcess } from './worker-process.js';

export interface SharedStateOptions {
  count: number;
  settings: Settings;
  /** False where other workers gave out the tokens of the limits just before. */
  limitsStartFull: boolean;
  emit: Emit;
  /** Files, batches and other objects that clients have created at providers. */
  resources: Pick<Resources, 'made' | 'find'>;
  /** The cached answers of all machines; null: they share none. */
  answers: RemoteAnswers | null;
  /** A worker requests budget money, or returns it. */
  onBudget: (worker: number, request: BudgetRequest) => void;
  /** Workers or probes of this daemon have learned something that other daemons should know. */
  onLearned: (learned: Learned) => void;
}

/** Findings about providers that the daemons of a fleet share. */
export type Learned =
  | { type: 'ejection'; ejection: Ejection }
  | { type: 'provider_limits'; learned: LearnedLimits[] };

/** About state that is not a worker's own. */
export type SharedMessage = Exclude<
  FromWorker,
  { type: 'loaded' | 'listening' | 'taken' | 'active' | 'pong' | 'status' | 'events' | 'failed' }
>;

/** State that workers share: limits, cached answers, and findings about providers. */
export class SharedState {
  readonly limits: SharedLimits;
  /** Null: there is one worker. */
  readonly answers: AnswerOwner | null;
  readonly #pool: WorkerPool;
  readonly #options: SharedStateOptions;
  readonly #ejections = new Ejections();

  constructor(pool: WorkerPool, options: SharedStateOptions) {
    this.#pool = pool;
    this.#options = options;
    const { count, settings, limitsStartFull, answers } = options;
    const answer = (type: 'lease' | 'quota') => (worker: number, grant: LeaseGrant) =>
      pool.send(worker, { type, grant });
    this.limits = new SharedLimits(limitsStartFull, new LimitLevels(settings.data_dir), {
      lease: answer('lease'),
      quota: answer('quota'),
      slot: (worker, grant) => pool.send(worker, { type: 'slot', grant }),
    });
    this.answers =
      count === 1 && !answers
        ? null
        : new AnswerOwner(
            settings.cache.max_bytes,
            (worker, reply) => pool.send(worker, { type: 'cache', reply }),
            answers,
          );
  }

  receive(from: WorkerProcess, message: SharedMessage): void {
    const { resources, onBudget, onLearned } = this.#options;
    switch (message.type) {
      case 'lease': {
        const grant = this.limits.lease(from.id, message.request);
        if (grant) from.send({ type: 'lease', grant });
        break;
      }
      case 'quota': {
        const grant = this.limits.quota(from.id, message.request);
        if (grant) from.send({ type: 'quota', grant });
        break;
      }
      case 'slot':
        this.limits.slot(from.id, message.request);
        break;
      case 'budget':
        onBudget(from.id, message.request);
        break;
      case 'cache':
        this.answers?.handle(from.id, message.request, Date.now());
        break;
      case 'ejection':
        this.#eject(from, message.ejection);
        break;
      case 'provider_limits':
        this.#pool.broadcast(message, from);
        onLearned(message);
        break;
      case 'reasoning':
        this.#pool.broadcast(message, from);
        break;
      case 'resource_made':
        resources.made(message.resource);
        break;
      case 'find_resources': {
        const { ask, ids } = message;
        const tell = (found: (Resource | null)[] | null) =>
          from.send({ type: 'resources', ask, found });
        resources.find(ids).then(tell, () => tell(null));
        break;
      }
    }
  }

  workerGone(worker: number): void {
    this.limits.workerGone(worker);
    this.answers?.workerGone(worker);
  }

  /** All current ejections, for workers that start later. */
  get ejections(): Ejection[] {
    return this.#ejections.all;
  }

  /** Current ejections of a provider and of its models. */
  ejectionsOf(provider: string): Ejection[] {
    return this.#ejections.of(provider);
  }

  /** Ejects a provider in every worker, or brings it back. */
  announce(ejection: Ejection): void {
    this.#eject(null, ejection);
  }

  /** Adopts what another daemon has learned. */
  learn(learned: Learned): void {
    if (learned.type === 'ejection') this.#options.emit(this.#ejections.apply(learned.ejection));
    this.#pool.broadcast(learned);
  }

  /** Cached answers that workers and machines share; null where there is one worker. */
  get cache(): OwnerCacheStatus | null {
    return this.answers?.state ?? null;
  }

  /** @param from the worker that found it, and need not be told; null for a probe's finding. */
  #eject(from: WorkerProcess | null, ejection: Ejection): void {
    const event = this.#ejections.apply(ejection);
    this.#pool.broadcast({ type: 'ejection', ejection }, from);
    this.#options.onLearned({ type: 'ejection', ejection });
    this.#options.emit(event);
  }
}
