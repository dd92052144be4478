import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { explainHere } from '../../admin/routes/explain.js';
import { type ControlServer, startControlServer } from '../../admin/server/control-server.js';
import { derivedKey } from '../../config/secrets/secret-cipher.js';
import type { ResolvedSettings } from '../../config/settings/settings.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Emit } from '../../observe/event.js';
import { Budgets } from '../budgets.js';
import { buildOnDisk } from '../build.js';
import { Canaries } from '../canary/canaries.js';
import type { Closers } from '../closers.js';
import { daemonTag, newIdentity } from '../fleet/identity.js';
import { openFleet } from '../fleet/open-fleet.js';
import { openRemoteAnswers } from '../fleet/valkey-answers.js';
import { followSecrets } from '../follow/follow-secrets.js';
import { LastGood } from '../follow/last-good.js';
import type { Reloader } from '../follow/reloader.js';
import { PriceBook } from '../price-book.js';
import { openProbing } from '../probing.js';
import { adminKey, namedAdminKeys } from '../secrets/admin-key.js';
import { Secrets } from '../secrets/secrets.js';
import { followTlsFiles } from '../secrets/tls-files.js';
import type { Store } from '../store.js';
import { type AdminListener, takeAdminListener } from '../upgrade/takeover.js';
import type { ListenSocket } from '../workers/listen-socket.js';
import type { ProcessesFile } from '../workers/processes-file.js';
import { Workers } from '../workers/workers.js';
import { createControl, firstSignIn } from './control.js';
import type { Observers } from './observers.js';
import type { Place, Start } from './place.js';
import { createProcessRecord } from './process-record.js';
import { createServing } from './serving.js';
import { createStorage } from './storage.js';
import { openExports } from './telemetry.js';

export interface Parts {
  readonly settings: Settings;
  readonly emit: Emit;
  readonly closers: Closers;
  /** Aborted when this daemon begins to stop. */
  readonly stopping: AbortController;
  readonly store: Store;
  readonly workers: Workers;
  readonly processes: ProcessesFile;
  readonly reloader: Reloader;
  place: Place;
  /** The socket that workers accept from; null where each opens the port itself. */
  readonly socket: ListenSocket | null;
  /** The listener of `admin.listen`, where that is a port. */
  readonly adminListener: AdminListener | null;
  /** Reads the certificates again. */
  renewTls(): void;
  /** Passes this socket to workers started from now on. */
  listenOn(socket: ListenSocket): void;
  /** The workers' HTTP engine; empty until they serve. */
  readonly engine: string;
  /** Answers `llmproxy` and relayed requests on the control socket. */
  openControl(): Promise<void>;
  /** Opens the database, or falls back on the last good rows; then what stores into it. */
  openStorage(): Promise<void>;
  /** Reads the configuration, starts the workers with it, and follows what changes. */
  startServing(): Promise<void>;
  /** See `Daemon`. */
  firstSignIn(): string | null;
  /** Makes this daemon the one of its data directory. */
  takeCharge(): void;
}

/** Opens the parts of a daemon in order; they are closed in reverse. */
export async function openParts(
  resolved: ResolvedSettings,
  version: string,
  observers: Observers,
  droppedLogLines: () => number,
  start: Start,
  closers: Closers,
): Promise<Parts> {
  const { settings } = resolved;
  const { emit, metrics } = observers;
  const { data_dir: dataDir, server } = settings;
  const stopping = new AbortController();
  const workersDesired = workerCount(server.workers);
  const controlSocket = join(dataDir, 'control.sock');
  const place = () => parts.place;
  const pids = () => workers.pids;
  const build = buildOnDisk();
  let isOutdated = false;
  const record = createProcessRecord({ settings, version, build, start, place, pids, closers });

  const admin = await adminKey(settings.admin.key, dataDir);
  const adminKeys = namedAdminKeys(admin.key, settings.admin.keys);
  if (admin.generatedIn) emit({ type: 'admin_key_generated', file: admin.generatedIn });
  const secrets = await Secrets.open(settings, true);
  const followed = followSecrets(secrets, emit);
  const telemetry = await openExports(settings, version, observers);
  if (telemetry) {
    observers.addLog((event) => telemetry.log(event));
    closers.push(() => telemetry.close());
  }
  const lastGood = new LastGood(dataDir, () => secrets.keys.ring);
  const prices = new PriceBook();
  const identity = newIdentity(dataDir);
  const storage = createStorage({
    settings,
    start,
    lastGood,
    place,
    check: (sql) => followed.check(sql),
    observers,
    prices,
    settle: (event, charge, usage) => {
      budgets.settle(event, charge, usage);
      telemetry?.record(event, charge ?? null, usage);
    },
    closeBudgets: () => budgets.close(),
    daemon: identity.id,
    closers,
  });
  const { store } = storage;
  const budgets = new Budgets({
    store,
    upstream: settings.upstream,
    isAlone: start.kind !== 'takeover',
    identity,
    daemons: () => fleet.size,
    dead: () => fleet.fleet.dead(),
    emit,
    grant: (worker, grant) => workers.lend(worker, grant),
  });

  const canaries = new Canaries({
    ...{ store, routing: settings.routing, emit },
    daemon: identity.id,
  });
  observers.addRecorder(canaries);
  const answers = openRemoteAnswers(settings, store);
  closers.push(() => answers?.close());
  let socket: ListenSocket | null = null;
  const workers = new Workers({
    count: workersDesired,
    settings,
    controlSocket,
    version,
    build,
    tag: daemonTag(identity.id),
    adminKeyHashes: adminKeys.map(({ sha256, expiresAt, role }) => ({ sha256, expiresAt, role })),
    sealKey: derivedKey(secrets.keys.ring, 'reasoning'),
    limitsStartFull: start.kind === 'fresh',
    isOnTrial: start.kind === 'takeover',
    emit,
    resources: storage.resources,
    answers,
    onPids: () => record.workersChanged(),
    onOutdated: () => {
      if (!isOutdated) emit({ type: 'package_replaced' });
      isOutdated = true;
      // Upgrades this daemon.
      process.kill(process.pid, 'SIGUSR2');
    },
    onBudget: (worker, request) => budgets.handle(worker, request),
    onFreeze: (isFrozen) => budgets.freeze(isFrozen),
    onGone: (worker) => budgets.workerGone(worker),
    onLearned: (learned) => fleet.bus.send({ type: 'learned', learned }),
  });
  const fleet = openFleet({
    ...{ settings, version, identity, store, workers, emit },
    configVersion: () => (serving.engine ? reloader.active.configuration.version : null),
    explain: (id) => explainHere(ownControl, id),
  });
  stopping.signal.addEventListener('abort', () => fleet.fleet.drain());
  const mainTls = followTlsFiles('server.tls', server.tls, (tls) => workers.serveTls(tls), emit);
  if (mainTls.material) workers.serveTls(mainTls.material);
  let control: ControlServer | null = null;
  const adminTls = followTlsFiles(
    'admin.tls',
    settings.admin.tls,
    (tls) => control?.renewTls(tls),
    emit,
  );
  const tls = [mainTls, adminTls];
  closers.push(() => {
    for (const each of tls) each.close();
  });
  const probing = openProbing(settings, workers, emit);
  closers.push(() => probing.close());

  const common = { observers, workers, followed, prices, probing, stopping: stopping.signal };
  const served = { settings, storage, lastGood, budgets, fleet, closers };
  const stopListening = () => {
    // The successor uses the same socket path, which closing would remove.
    if (parts.place !== 'replaced') socket?.close();
  };
  const serving = createServing({
    ...{ ...common, ...served, canaries, stopListening },
    onConfiguration: (configuration) => telemetry?.configured(configuration),
  });
  const { reloader } = serving;
  closers.push(() => canaries.close());
  secrets.clouds.onChange = () => void reloader.renew();
  closers.push(() => secrets.clouds.close());
  const known = { resolved, version, adminKeys, secrets, store, workersDesired, fleet };
  const ownControl = createControl({ ...common, ...known, serving });

  metrics.watch(() => ({
    workers: workers.states,
    workersDesired,
    sharedCache: workers.shared.cache,
    budgets: budgets.states,
    fleet: fleet.state,
    canaries: canaries.states,
    configVersion: serving.engine ? reloader.active.configuration.version : null,
    lastReload: reloader.lastReload,
    usage: {
      queuedRows: storage.usage?.queue.depth ?? 0,
      droppedRows: storage.usage?.queue.dropped ?? 0,
      exported: storage.usageExport.state,
    },
    droppedLogLines: droppedLogLines(),
    exporters: telemetry?.states ?? [],
  }));

  const parts: Parts = {
    settings,
    emit,
    closers,
    stopping,
    store,
    workers,
    processes: record.processes,
    reloader,
    place: start.kind,
    renewTls: () => {
      for (const each of tls) each.renew();
    },
    get socket() {
      return socket;
    },
    listenOn(opened) {
      socket = opened;
      workers.listenFd = opened.fd;
      closers.push(stopListening);
    },
    get adminListener() {
      const fd = control?.adminFd ?? null;
      return fd === null ? null : { fd, address: settings.admin.listen ?? '' };
    },
    get engine() {
      return serving.engine;
    },
    async openControl() {
      control = await startControlServer(controlSocket, ownControl, {
        replaces: start.kind === 'takeover',
        tls: adminTls.material,
        adminFd: start.kind === 'takeover' ? takeAdminListener(start.takeover, settings) : null,
      });
      closers.push(control.close);
    },
    firstSignIn: () => firstSignIn(ownControl, serving),
    async openStorage() {
      await storage.open();
      closers.push(() => fleet.fleet.close());
    },
    startServing: () => serving.start(),
    takeCharge() {
      parts.place = 'serving';
      workers.inCharge();
      record.takeCharge(serving.engine);
      fleet.fleet.serve();
    },
  };
  if (start.socket) parts.listenOn(start.socket);
  return parts;
}

function workerCount(setting: number | 'auto'): number {
  return setting === 'auto' ? Math.max(1, availableParallelism() - 1) : setting;
}
