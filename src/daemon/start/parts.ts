import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type ControlServer, startControlServer } from '../../admin/control-server.js';
import { Reports } from '../../admin/reports.js';
import { Oidc } from '../../admin/session/oidc.js';
import { Sessions } from '../../admin/session/sessions.js';
import { SignInLinks } from '../../admin/session/sign-in-links.js';
import { derivedKey } from '../../config/secret-cipher.js';
import { describeSettings, type ResolvedSettings } from '../../config/settings.js';
import type { Settings } from '../../config/settings-schema.js';
import { describeDbUrl } from '../../db/db-url.js';
import { configVersion } from '../../db/queries/config-version.js';
import { GatewayError } from '../../errors.js';
import type { Emit } from '../../observe/event.js';
import { PriceSheets } from '../../pricing/price-sheets.js';
import { Budgets } from '../budgets.js';
import { Bulk } from '../bulk/bulk.js';
import type { Closers } from '../closers.js';
import { configuredNames } from '../follow/configured-names.js';
import { followDatabase } from '../follow/follow-database.js';
import { followSecrets } from '../follow/follow-secrets.js';
import { LastGood } from '../follow/last-good.js';
import { readRows } from '../follow/last-rows.js';
import { readOverrideFiles, watchOverrideFiles } from '../follow/override-files.js';
import { PastProviders } from '../follow/past-providers.js';
import { Reloader } from '../follow/reloader.js';
import { PriceBook } from '../price-book.js';
import { openProbing } from '../probing.js';
import { adminKey, namedAdminKeys } from '../secrets/admin-key.js';
import { Secrets } from '../secrets/secrets.js';
import { followTlsFiles } from '../secrets/tls-files.js';
import type { Store } from '../store.js';
import { type AdminListener, takeAdminListener } from '../upgrade/takeover.js';
import { consoleUrlOf } from '../url-of.js';
import { sharesPort } from '../workers/listen-port.js';
import type { ListenSocket } from '../workers/listen-socket.js';
import { identityOf, isSame, ProcessesFile } from '../workers/processes-file.js';
import { Workers } from '../workers/workers.js';
import type { Observers } from './observers.js';
import type { Place, Start } from './place.js';
import { createStorage } from './storage.js';

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
  /** Gives workers that are started from now on this socket. */
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
  /** From now on this daemon is the one of its data directory. */
  takeCharge(): void;
}

/** Makes the parts of a daemon, in the order in which they are closed last to first. */
export async function openParts(
  resolved: ResolvedSettings,
  version: string,
  observers: Observers,
  droppedLogLines: () => number,
  start: Start,
  closers: Closers,
): Promise<Parts> {
  const { settings } = resolved;
  const { emit, live, metrics, recent } = observers;
  const { data_dir: dataDir, server } = settings;
  const stopping = new AbortController();
  const startedAt = Date.now();
  const pastProviders = new PastProviders();
  const workersDesired = workerCount(server.workers);
  const controlSocket = join(dataDir, 'control.sock');
  const overridesDir = settings.overrides_dir ?? '';
  const processes = new ProcessesFile(dataDir);
  closers.push(() => processes.remove());

  const admin = await adminKey(settings.admin.key, dataDir);
  const adminKeys = namedAdminKeys(admin.key, settings.admin.keys);
  if (admin.generatedIn) emit({ type: 'admin_key_generated', file: admin.generatedIn });
  const links = new SignInLinks();
  const secrets = await Secrets.open(settings, true);
  const followed = followSecrets(secrets, emit);
  const lastGood = new LastGood(dataDir, () => secrets.ring);
  const prices = new PriceBook();
  const priceSheets = new PriceSheets();
  const storage = createStorage({
    settings,
    start,
    lastGood,
    place: () => parts.place,
    check: (sql) => followed.check(sql),
    observers,
    prices,
    settle: (event, charge, usage) => budgets.settle(event, charge, usage),
    closeBudgets: () => budgets.close(),
    closers,
  });
  const { store } = storage;
  const budgets = new Budgets({
    store,
    dataDir,
    isAlone: start.kind !== 'takeover',
    emit,
    grant: (worker, grant) => workers.lend(worker, grant),
  });

  const { url: dbUrl } = settings.database;
  const usedDatabase = dbUrl === null ? 'embedded' : describeDbUrl(dbUrl);
  const identify = () => workers.pids.map(identityOf);
  const recordWorkers = () => {
    const own = { version, host: server.host, port: server.port, database: usedDatabase };
    if (parts.place === 'after_crash' && start.kind === 'after_crash') {
      const left = start.orphans.workers.filter(isSame);
      processes.update({ ...start.orphans, workers: [...left, ...identify()] });
    } else if (parts.place === 'fresh' || parts.place === 'serving') {
      processes.update({ ...own, workers: identify() });
    }
  };
  let socket: ListenSocket | null = null;
  const workers = new Workers({
    count: workersDesired,
    // They need no key to decrypt with.
    settings: { ...settings, secrets: { ...settings.secrets, key: null, key_file: null } },
    controlSocket,
    version,
    adminKeyHashes: adminKeys.map(({ sha256, expiresAt }) => ({ sha256, expiresAt })),
    sealKey: derivedKey(secrets.ring, 'reasoning'),
    limitsStartFull: start.kind === 'fresh',
    isOnTrial: start.kind === 'takeover',
    emit,
    resources: storage.resources,
    onPids: recordWorkers,
    onBudget: (worker, request) => budgets.handle(worker, request),
    onFreeze: (isFrozen) => budgets.freeze(isFrozen),
    onGone: (worker) => budgets.workerGone(worker),
  });
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

  let engine = '';
  const reloader = new Reloader({
    readRows: () => readRows(store, lastGood),
    readVersion: async () => (await configVersion(store.sql)).version,
    readOverrides: () => readOverrideFiles(overridesDir),
    resolve: async (merged, rows) => {
      const { providers, ...others } = await followed.resolve(merged, rows);
      return { ...others, providers: priceSheets.attach(providers, merged.prices ?? []) };
    },
    privateAddresses: settings.upstream.private_addresses,
    publish: async (configuration, hash) => {
      metrics.configured(configuredNames(configuration, settings.routing));
      prices.configured(configuration.providers);
      budgets.configured(configuration);
      if (engine) await workers.publish(configuration, hash);
      else engine = await workers.start(configuration, hash);
    },
    activated: (configuration, rows) => {
      workers.inform({ configVersion: configuration.version });
      lastGood.save(rows).catch((error: unknown) => {
        emit({ type: 'config_not_kept', reason: error instanceof Error ? error.message : '' });
      });
      probing.configured(configuration);
      pastProviders.add(configuration);
    },
    emit,
  });
  secrets.clouds.onChange = () => void reloader.renew();
  closers.push(() => secrets.clouds.close());
  /** The control socket may answer before there is anything to ask. */
  const started = () => {
    if (engine) return reloader;
    throw new GatewayError('unavailable', 'The daemon is starting.', {
      headers: { 'retry-after': '1' },
    });
  };

  const bulk = new Bulk({
    settings,
    dbUrl: () => store.database.dbUrl,
    reload: async () => (await reloader.reload()).configuration,
  });

  metrics.watch(() => ({
    workers: workers.states,
    workersDesired,
    configVersion: engine ? reloader.active.configuration.version : null,
    lastReload: reloader.lastReload,
    usage: {
      queuedRows: storage.usage?.queue.depth ?? 0,
      droppedRows: storage.usage?.queue.dropped ?? 0,
    },
    droppedLogLines: droppedLogLines(),
  }));

  const follow = () => {
    const following = followDatabase({
      store,
      listenUrl: settings.database.listen_url,
      mark: () => reloader.mark(),
      knownVersion: () => reloader.active.configuration.version,
      alwaysMark: () => followed.hasFiles,
      onState: (database) => workers.inform({ database }),
      emit,
    });
    closers.push(() => following.close());
  };

  const parts: Parts = {
    settings,
    emit,
    closers,
    stopping,
    store,
    workers,
    processes,
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
      // The successor has it too, and a path would be removed.
      closers.push(() => {
        if (parts.place !== 'replaced') opened.close();
      });
    },
    get adminListener() {
      const fd = control?.adminFd ?? null;
      return fd === null ? null : { fd, address: settings.admin.listen ?? '' };
    },
    get engine() {
      return engine;
    },
    async openControl() {
      control = await startControlServer(
        controlSocket,
        {
          settings,
          adminKeys,
          describedSettings: describeSettings(resolved),
          metrics,
          health: probing.checks,
          secrets: {
            shown: (row) => secrets.shown(row),
            decrypt: (row) => secrets.decrypt(row),
            reveal: (row) => secrets.reveal(row),
            seal: (sql, row) => secrets.seal(sql, row),
            sealChange: (sql, before, after) => secrets.sealChange(sql, before, after),
            unusable: () => followed.unusable,
          },
          recent,
          prices,
          live,
          sessions: new Sessions(adminKeys, settings.console.session_ms, () => store.sql),
          links,
          consoleUrl: () => consoleUrlOf(settings),
          oidc: oidcOf(settings.console),
          stopping: stopping.signal,
          workers: () => ({ version, startedAt, desired: workersDesired, states: workers.states }),
          discoveredModels: () => probing.models,
          providersAt: (configVersion) => pastProviders.of(configVersion),
          get sql() {
            return store.sql;
          },
          reports: new Reports(() => store.reports),
          active: () => started().active,
          reload: () => started().reload(),
          bulk: (request, signal) => {
            started();
            return bulk.answer(request, signal);
          },
          problemsOf: (change, author) => reloader.problemsOf(change, author),
          emit,
        },
        {
          replaces: start.kind === 'takeover',
          tls: adminTls.material,
          adminFd: start.kind === 'takeover' ? takeAdminListener(start.takeover, settings) : null,
        },
      );
      closers.push(control.close);
    },
    firstSignIn() {
      const { providers, credentials } = reloader.active.configuration;
      const url = consoleUrlOf(settings);
      const [key] = adminKeys;
      if (url === null || !key || providers.length > 0 || credentials.length > 0) return null;
      return links.create(key, url).url;
    },
    openStorage: () => storage.open(),
    async startServing() {
      closers.push(() => workers.stop());
      await reloader.reload();
      closers.push(() => reloader.stop());
      const overrides = watchOverrideFiles(overridesDir, () => reloader.mark());
      closers.push(() => overrides.close());
      if (store.isOpen) return follow();
      workers.inform({ database: 'down' });
      store.openLater(() => {
        if (stopping.signal.aborted) return;
        follow();
        storage.start().catch(() => {});
      });
    },
    takeCharge() {
      parts.place = 'serving';
      workers.inCharge();
      processes.update({
        version,
        host: server.host,
        port: server.port,
        database: usedDatabase,
        control: identityOf(process.pid),
        sharesPort: sharesPort(engine, server.host),
        workers: identify(),
      });
    },
  };
  if (start.socket) parts.listenOn(start.socket);
  return parts;
}

function oidcOf({ oidc, url }: Settings['console']): Oidc | null {
  return oidc.issuer === null || url === null ? null : new Oidc(oidc, url);
}

function workerCount(setting: number | 'auto'): number {
  return setting === 'auto' ? Math.max(1, availableParallelism() - 1) : setting;
}
