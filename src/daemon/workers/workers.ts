import type { Configuration } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { BudgetGrant, BudgetRequest } from '../../limits/budget-lease.js';
import type { LeaseGrant } from '../../limits/lease.js';
import type { Emit, GatewayEvent } from '../../observe/event.js';
import type { OwnerCacheStatus, WorkerState } from '../../observe/gateway-state.js';
import { inPackage } from '../../package.js';
import { AnswerOwner } from '../../policies/cache/answer-owner.js';
import type { RemoteAnswers } from '../../policies/cache/remote-answers.js';
import type { AdminKeyHash } from '../../proxy/access/admin-key-check.js';
import type { DaemonFacts } from '../../proxy/gateway.js';
import type { Resource } from '../../proxy/resources/resources.js';
import {
  type CredentialChange,
  changeBetween,
  changeOfCredentials,
} from '../../routing/configuration-change.js';
import type { TlsMaterial } from '../../server/exchange.js';
import type { Ejection } from '../../upstream/health.js';
import type { LearnedLimits } from '../../upstream/provider-limits.js';
import type { Resources } from '../follow/resources.js';
import { ownDescriptors } from './descriptors.js';
import { Ejections } from './ejections.js';
import { LimitLevels } from './limit-levels.js';
import type { FromWorker } from './messages.js';
import { unpackRequests } from './packed-requests.js';
import { SharedLimits, type SharedStore } from './shared-limits.js';
import { WorkerPool } from './worker-pool.js';
import type { WorkerProcess } from './worker-process.js';

/** A worker that is still running this long after the grace period hangs, and is killed. */
const killMarginMs = 2_000;
/** The worker's descriptor of the socket; 3 is its channel. */
const inheritedFd = 4;
const workerFile = inPackage('dist/app/daemon/workers/worker.js');

interface WorkersOptions {
  count: number;
  settings: Settings;
  controlSocket: string;
  version: string;
  /** Shows other daemons who this one is. */
  tag: string;
  /** SHA-256, hex: workers need nothing else of the admin keys. */
  adminKeyHashes: readonly AdminKeyHash[];
  /** Base64. */
  sealKey: string;
  /** False where other workers gave out the tokens of the limits just before. */
  limitsStartFull: boolean;
  /** True while another daemon is being replaced, which continues if this one fails: see `inCharge`. */
  isOnTrial: boolean;
  emit: Emit;
  /** Files, batches and other objects that clients have created at providers. */
  resources: Pick<Resources, 'made' | 'find'>;
  /** The cached answers of all machines; null: they share none. */
  answers: RemoteAnswers | null;
  /** A worker requests budget money, or returns it. */
  onBudget: (worker: number, request: BudgetRequest) => void;
  /** Another daemon lends from now on; false: it failed, and this one resumes. */
  onFreeze: (isFrozen: boolean) => Promise<void>;
  /** A worker has ended. */
  onGone: (worker: number) => void;
  /** Workers or probes of this daemon have learned something that other daemons should know. */
  onLearned: (learned: Learned) => void;
  /** Called with the process ids at each change. */
  onPids: (pids: number[]) => void;
}

/** Findings about providers that the daemons of a fleet share. */
export type Learned =
  | { type: 'ejection'; ejection: Ejection }
  | { type: 'provider_limits'; learned: LearnedLimits[] };

const descriptors = ownDescriptors();

/**
 * Manages the worker processes: starts and replaces them, sends them the configuration, and relays
 * what they share.
 */
export class Workers {
  #tls: TlsMaterial | null = null;
  readonly #options: WorkersOptions;
  readonly #pool: WorkerPool;
  readonly #limits: SharedLimits;
  readonly #ejections = new Ejections();
  /** Shares cached answers between workers and machines; null: there is one worker. */
  readonly #answers: AnswerOwner | null;
  #facts: DaemonFacts;
  #configuration: { configuration: Configuration; hash: string } | null = null;
  #isOnTrial: boolean;
  #startFailure: string | null = null;
  readonly #defectsTold = new Set<string>();
  #pings = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#isOnTrial = options.isOnTrial;
    const { count, settings, emit, onPids } = options;
    this.#pool = new WorkerPool({
      file: workerFile,
      count,
      limiterFor: (start) => (count > 1 || settings.database.url !== null ? 'leased' : start),
      emit,
      onMessage: (worker, message) => this.#receive(worker, message),
      onGone: (worker) => {
        this.#limits.workerGone(worker);
        this.#answers?.workerGone(worker);
        options.onGone(worker);
      },
      onPids,
    });
    const levels = new LimitLevels(options.settings.data_dir);
    const answer = (type: 'lease' | 'quota') => (worker: number, grant: LeaseGrant) =>
      this.#pool.send(worker, { type, grant });
    this.#limits = new SharedLimits(options.limitsStartFull, levels, {
      lease: answer('lease'),
      quota: answer('quota'),
      slot: (worker, grant) => this.#pool.send(worker, { type: 'slot', grant }),
    });
    this.#answers =
      options.count === 1 && !options.answers
        ? null
        : new AnswerOwner(
            options.settings.cache.max_bytes,
            (worker, reply) => this.#pool.send(worker, { type: 'cache', reply }),
            options.answers,
          );
    this.#facts = {
      version: options.version,
      tag: options.tag,
      startedAt: Date.now(),
      configVersion: null,
      database: 'unknown',
      discovered: [],
      fleet: { size: 1, rank: 1, gone: 0, behind: 0, versions: 1 },
    };
  }

  /**
   * Starts all workers; resolves with the engine's name when each of them serves.
   * @throws Error when a worker says that it cannot start, such as for a port in use.
   */
  async start(configuration: Configuration, hash: string): Promise<string> {
    const { limitsStartFull } = this.#options;
    this.#configuration = { configuration, hash };
    this.#answers?.purge(configuration.purges ?? []);
    this.#limits.restart(limitsStartFull);
    this.#pool.start(limitsStartFull ? 'full' : 'empty');
    await this.#pool.until(() => this.#startFailure !== null || this.#pool.uses(hash));
    if (this.#startFailure !== null) throw new Error(this.#startFailure);
    return this.#pool.all[0]?.engine ?? '';
  }

  /**
   * Sends a configuration to every worker; resolves when each of them uses it.
   * @param known the complete difference to the previous one; null: it is computed.
   */
  async publish(
    configuration: Configuration,
    hash: string,
    known: CredentialChange | null = null,
  ): Promise<void> {
    const before = this.#configuration?.configuration ?? configuration;
    this.#configuration = { configuration, hash };
    this.#answers?.purge(configuration.purges ?? []);
    // Sends only the changes: reading a whole large table would block a worker.
    const change = known
      ? changeOfCredentials(configuration, known)
      : changeBetween(before, configuration);
    for (const live of this.#pool.all) live.change(change, hash);
    await this.#pool.until(() => this.#pool.isStopping || this.#pool.uses(hash));
  }

  /** Sends changed facts about the daemon to every worker, present and future. */
  inform(facts: Partial<DaemonFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#pool.broadcast({ type: 'facts', facts });
  }

  /** Current ejections of a provider and of its models. */
  ejectionsOf(provider: string): Ejection[] {
    return this.#ejections.of(provider);
  }

  /** Answers a worker's request for budget money. */
  lend(worker: number, grant: BudgetGrant): void {
    this.#pool.send(worker, { type: 'budget', grant });
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

  /** Shares limits over all daemons of a store from now on; null: manages them alone. */
  async shareLimits(store: SharedStore | null): Promise<void> {
    if (store) this.#limits.share(store);
    else await this.#limits.unshare();
  }

  /** Descriptor of the socket that workers accept from; null: each opens the port itself. */
  set listenFd(fd: number | null) {
    this.#pool.listenFd = fd;
  }

  /** Process ids, for status and tests. */
  get pids(): number[] {
    return this.#pool.pids;
  }

  /** States of the serving workers, as each last reported. */
  get states(): WorkerState[] {
    return this.#pool.all
      .filter(({ engine }) => engine !== null)
      .map(({ slot, status }) => ({ name: `worker-${slot}`, status }));
  }

  /** Cached answers that workers and machines share; null where there is one worker. */
  get sharedCache(): OwnerCacheStatus | null {
    return this.#answers?.state ?? null;
  }

  /** Resolves when each worker that serves has answered: none of them hangs. */
  async ping(): Promise<void> {
    const ping = ++this.#pings;
    this.#pool.broadcast({ type: 'ping', ping });
    await this.#pool.until(() => this.#pool.isStopping || this.#pool.hasAnswered(ping));
  }

  /** Sends the certificate to every worker, present and future. */
  serveTls(tls: TlsMaterial): void {
    this.#tls = tls;
    this.#pool.broadcast({ type: 'tls', tls });
  }

  /** Ends the trial: the old daemon is replaced, and workers outlive this process from now on. */
  inCharge(): void {
    this.#isOnTrial = false;
    this.#pool.broadcast({ type: 'in_charge' });
  }

  /** Stops refilling limits; once this resolves, no token is added to any of them. */
  async freeze(): Promise<void> {
    this.#limits.freeze();
    this.#pool.broadcast({ type: 'freeze' });
    await Promise.all([this.ping(), this.#options.onFreeze(true)]);
  }

  /** Undoes `freeze`. */
  thaw(): void {
    if (!this.#limits.isFrozen) return;
    this.#limits.thaw();
    this.#pool.broadcast({ type: 'thaw' });
    void this.#options.onFreeze(false);
  }

  /** Drains all workers; resolves when each has ended. */
  async stop(): Promise<void> {
    const { settings } = this.#options;
    await this.#pool.stop(settings.server.grace_period_ms + killMarginMs);
    this.#limits.save();
    await this.#limits.unshare();
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#pool.kill();
  }

  /** Messages sent before a worker listens for them are lost, so `start` waits for it. */
  #start(live: WorkerProcess): void {
    const { settings, controlSocket } = this.#options;
    if (this.#pool.isStopping || !this.#configuration) {
      live.disconnect();
      return;
    }
    live.start({
      type: 'start',
      settings: withoutSecrets(settings),
      listenFd: this.#pool.listenFd === null ? null : inheritedFd,
      tls: this.#tls,
      controlSocket,
      ...this.#configuration,
      limiter: live.limiter,
      slot: live.slot,
      count: this.#options.count,
      sharesAnswers: this.#answers !== null,
      isOnTrial: this.#isOnTrial,
      descriptors,
      ejections: this.#ejections.all,
      facts: this.#facts,
      adminKeyHashes: this.#options.adminKeyHashes,
      sealKey: this.#options.sealKey,
    });
    if (this.#limits.isFrozen) live.send({ type: 'freeze' });
  }

  #receive(live: WorkerProcess, message: FromWorker): void {
    switch (message.type) {
      case 'loaded':
        this.#start(live);
        break;
      case 'listening':
        live.engine = message.engine;
        break;
      case 'taken':
        live.taken();
        break;
      case 'active':
        live.activeHash = message.hash;
        this.#pool.notify();
        break;
      case 'pong':
        live.ponged = message.ping;
        this.#pool.notify();
        break;
      case 'status':
        live.status = message.status;
        break;
      case 'events':
        for (const event of message.events) this.#tell(event);
        for (const request of unpackRequests(message.requests)) {
          if (request.spend) request.spend.worker = live.id;
          this.#options.emit(request);
        }
        break;
      case 'lease': {
        const grant = this.#limits.lease(live.id, message.request);
        if (grant) live.send({ type: 'lease', grant });
        break;
      }
      case 'quota': {
        const grant = this.#limits.quota(live.id, message.request);
        if (grant) live.send({ type: 'quota', grant });
        break;
      }
      case 'cache':
        this.#answers?.handle(live.id, message.request, Date.now());
        break;
      case 'budget':
        this.#options.onBudget(live.id, message.request);
        break;
      case 'slot':
        this.#limits.slot(live.id, message.request);
        break;
      case 'ejection':
        this.#eject(live, message.ejection);
        break;
      case 'reasoning':
        this.#pool.broadcast(message, live);
        break;
      case 'resource_made':
        this.#options.resources.made(message.resource);
        break;
      case 'find_resources': {
        const { ask, ids } = message;
        const tell = (found: (Resource | null)[] | null) =>
          live.send({ type: 'resources', ask, found });
        this.#options.resources.find(ids).then(tell, () => tell(null));
        break;
      }
      case 'provider_limits':
        this.#pool.broadcast(message, live);
        this.#options.onLearned(message);
        break;
      case 'failed':
        this.#startFailure ??= message.reason;
        this.#pool.notify();
        break;
    }
  }

  /** @param from the worker that found it, and need not be told; null for a probe's finding. */
  #eject(from: WorkerProcess | null, ejection: Ejection): void {
    const event = this.#ejections.apply(ejection);
    this.#pool.broadcast({ type: 'ejection', ejection }, from);
    this.#options.onLearned({ type: 'ejection', ejection });
    this.#options.emit(event);
  }

  /** Every worker finds the same defects of its engine; each is reported once. */
  #tell(event: GatewayEvent): void {
    if (event.type === 'engine_defect') {
      if (this.#defectsTold.has(event.reason)) return;
      this.#defectsTold.add(event.reason);
    }
    this.#options.emit(event);
  }
}

/** The data plane needs neither the admin key nor the database nor a collector. */
function withoutSecrets(settings: Settings): Settings {
  const { admin, database, fleet, traces, usage } = settings;
  return {
    ...settings,
    usage: { ...usage, export: { ...usage.export, headers: {} } },
    admin: { ...admin, key: null, keys: [] },
    database: { ...database, url: null, listen_url: null },
    traces: { ...traces, headers: {} },
    fleet: { ...fleet, valkey_url: null },
  };
}
