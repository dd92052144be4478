import type { Configuration } from '../../config/configuration.js';
import type { BudgetGrant } from '../../limits/budget-lease.js';
import type { GatewayEvent } from '../../observe/event.js';
import type { WorkerState } from '../../observe/gateway-state.js';
import { unpackRequests } from '../../observe/packed-requests.js';
import type { AdminKeyHash } from '../../proxy/access/admin-key-check.js';
import type { DaemonFacts } from '../../proxy/gateway.js';
import { changeBetween, type KnownChange } from '../../routing/configuration-change.js';
import type { TlsMaterial } from '../../server/exchange.js';
import { buildOnDisk, workerFile } from '../build.js';
import { ownDescriptors } from './descriptors.js';
import type { FromWorker } from './messages.js';
import { settingsWithoutSecrets } from './settings-without-secrets.js';
import { SharedState, type SharedStateOptions } from './shared-state.js';
import { WorkerPool } from './worker-pool.js';
import type { WorkerProcess } from './worker-process.js';

/** A worker that is still running this long after the grace period hangs, and is killed. */
const killMarginMs = 2_000;
/** The worker's descriptor of the socket; 3 is its channel. */
const inheritedFd = 4;

interface WorkersOptions extends SharedStateOptions {
  controlSocket: string;
  version: string;
  /** The result of `buildOnDisk` when this daemon started. */
  build: string | null;
  /** Shows other daemons who this one is. */
  tag: string;
  /** SHA-256, hex: workers need nothing else of the admin keys. */
  adminKeyHashes: readonly AdminKeyHash[];
  /** Base64. */
  sealKey: string;
  /** True while another daemon is being replaced, which continues if this one fails: see `inCharge`. */
  isOnTrial: boolean;
  /** Another daemon lends from now on; false: it failed, and this one resumes. */
  onFreeze: (isFrozen: boolean) => Promise<void>;
  /** A worker must be replaced, but the files on disk are another build's. */
  onOutdated: () => void;
  /** A worker has ended. */
  onGone: (worker: number) => void;
  /** Called with the process ids at each change. */
  onPids: (pids: number[]) => void;
}

const descriptors = ownDescriptors();

/** Manages the worker processes: starts and replaces them, and sends them the configuration. */
export class Workers {
  readonly shared: SharedState;
  #tls: TlsMaterial | null = null;
  readonly #options: WorkersOptions;
  readonly #pool: WorkerPool;
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
      canFork: () => this.#canFork(),
      emit,
      onMessage: (worker, message) => this.#receive(worker, message),
      onGone: (worker) => {
        this.shared.workerGone(worker);
        options.onGone(worker);
      },
      onPids,
    });
    this.shared = new SharedState(this.#pool, options);
    this.#facts = {
      version: options.version,
      tag: options.tag,
      startedAt: Date.now(),
      configVersion: null,
      database: 'unknown',
      discovered: [],
      fleet: { size: 1, rank: 1, cutOff: 0, gone: 0, behind: 0, versions: 1 },
    };
  }

  /** Has workers load their code while the configuration is read. */
  fork(): void {
    this.#pool.start(this.#options.limitsStartFull ? 'full' : 'empty');
  }

  /**
   * Starts the forked workers; resolves with the engine's name when each of them serves.
   * @throws Error when a worker says that it cannot start, such as for a port in use.
   */
  async start(configuration: Configuration, hash: string): Promise<string> {
    const { limitsStartFull } = this.#options;
    this.#configuration = { configuration, hash };
    this.shared.answers?.purge(configuration.purges ?? []);
    this.shared.limits.restart(limitsStartFull);
    for (const live of this.#pool.all) if (live.isWaiting) this.#start(live);
    await this.#pool.until(() => this.#startFailure !== null || this.#pool.uses(hash));
    if (this.#startFailure !== null) throw new Error(this.#startFailure);
    return this.#pool.all[0]?.engine ?? '';
  }

  /**
   * Sends a configuration to every worker; resolves when each of them uses it.
   * @param known see `changeBetween`.
   */
  async publish(
    configuration: Configuration,
    hash: string,
    known: KnownChange | null = null,
  ): Promise<void> {
    const before = this.#configuration?.configuration ?? configuration;
    this.#configuration = { configuration, hash };
    this.shared.answers?.purge(configuration.purges ?? []);
    // Sends only the changes: reading a whole large table would block a worker.
    const change = changeBetween(before, configuration, known);
    for (const live of this.#pool.all) live.change(change, hash);
    await this.#pool.until(() => this.#pool.isStopping || this.#pool.uses(hash));
  }

  /** Sends changed facts about the daemon to every worker, present and future. */
  inform(facts: Partial<DaemonFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#pool.broadcast({ type: 'facts', facts });
  }

  /** Answers a worker's request for budget money. */
  lend(worker: number, grant: BudgetGrant): void {
    this.#pool.send(worker, { type: 'budget', grant });
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
    this.shared.limits.freeze();
    this.#pool.broadcast({ type: 'freeze' });
    // Without workers, such as where only the new version can replace the last one, nobody answers.
    const frozen = this.#pool.all.length === 0 ? null : this.ping();
    await Promise.all([frozen, this.#options.onFreeze(true)]);
  }

  /** Undoes `freeze`. */
  thaw(): void {
    if (!this.shared.limits.isFrozen) return;
    this.shared.limits.thaw();
    this.#pool.broadcast({ type: 'thaw' });
    void this.#options.onFreeze(false);
  }

  /** Drains all workers; resolves when each has ended. */
  async stop(): Promise<void> {
    const { settings } = this.#options;
    for (const live of this.#pool.all) if (live.isWaiting) live.disconnect();
    await this.#pool.stop(settings.server.grace_period_ms + killMarginMs);
    this.shared.limits.save();
    await this.shared.limits.unshare();
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#pool.kill();
  }

  #canFork(): boolean {
    const { build, onOutdated } = this.#options;
    const onDisk = buildOnDisk();
    if (onDisk !== null && onDisk !== build) onOutdated();
    return onDisk === build;
  }

  /** Messages sent before a worker listens for them are lost, so `start` waits for it. */
  #start(live: WorkerProcess): void {
    const { settings, controlSocket } = this.#options;
    if (this.#pool.isStopping) {
      live.disconnect();
      return;
    }
    live.isWaiting = this.#configuration === null;
    if (!this.#configuration) return;
    live.start({
      type: 'start',
      settings: settingsWithoutSecrets(settings),
      listenFd: this.#pool.listenFd === null ? null : inheritedFd,
      tls: this.#tls,
      controlSocket,
      ...this.#configuration,
      limiter: live.limiter,
      slot: live.slot,
      count: this.#options.count,
      sharesAnswers: this.shared.answers !== null,
      isOnTrial: this.#isOnTrial,
      descriptors,
      ejections: this.shared.ejections,
      facts: this.#facts,
      adminKeyHashes: this.#options.adminKeyHashes,
      sealKey: this.#options.sealKey,
    });
    if (this.shared.limits.isFrozen) live.send({ type: 'freeze' });
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
      case 'failed':
        this.#startFailure ??= message.reason;
        this.#pool.notify();
        break;
      default:
        this.shared.receive(live, message);
    }
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
