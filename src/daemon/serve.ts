import { chmod, mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Control } from '../admin/control.js';
import { startControlServer } from '../admin/control-server.js';
import { describeSettings, type ResolvedSettings } from '../config/settings.js';
import { GatewayError } from '../errors.js';
import type { Emit } from '../observe/event.js';
import { createMetrics } from '../observe/metrics.js';
import { createRecent } from '../observe/recent/recent.js';
import { withoutText } from '../observe/usage/usage-recorder.js';
import { UsageSpool } from '../observe/usage/usage-spool.js';
import { adminKey, namedAdminKeys } from './admin-key.js';
import { Closers } from './closers.js';
import { configuredNames } from './configured-names.js';
import { followDatabase } from './follow-database.js';
import { followSecrets } from './follow-secrets.js';
import { LastGood } from './last-good.js';
import { openOrFallBack, readRows } from './last-rows.js';
import { type LastUsedTimes, openLastUsed } from './last-used.js';
import { claimFreedPort, claimPort, sharesPort } from './listen-port.js';
import { orphanPollMs } from './orphan.js';
import { readOverrideFiles, watchOverrideFiles } from './override-files.js';
import { PastProviders } from './past-providers.js';
import { openProbing } from './probing.js';
import { endOrphans, findOrphans, identityOf, isSame, ProcessesFile } from './processes-file.js';
import { Reloader } from './reloader.js';
import { Secrets } from './secrets.js';
import { Store } from './store.js';
import { type Successor, startSuccessor } from './successor.js';
import type { Takeover } from './takeover.js';
import { openUsage, type Usage } from './usage.js';
import { Workers } from './workers.js';

/** A running daemon. */
export interface Daemon {
  url: string;
  /** Reads the configuration anew; resolves when that is over. What is wrong becomes an event. */
  reload(): Promise<void>;
  /** Resolves when each worker that serves has answered: none of them hangs. */
  ping(): Promise<void>;
  /** Stops accepting, lets requests finish within the grace period, closes everything. */
  stop(): Promise<void>;
  /**
   * Starts the code now on disk beside this daemon; resolves when it serves, and this one is only
   * to be stopped.
   * @throws Error saying why it does not serve; this daemon goes on then.
   */
  upgrade(): Promise<Successor>;
  /** Ends the workers at once; `stop` then returns soon. */
  kill(): void;
}

/**
 * Starts the daemon: data directory, database, migrations, configuration, workers, watchers, in
 * this order. What was opened is closed again when a later step fails.
 * @throws Error naming what to do.
 */
export async function serve(
  resolved: ResolvedSettings,
  version: string,
  log: Emit,
  droppedLogLines: () => number,
  takeover: Takeover | null = null,
): Promise<Daemon> {
  const startMs = performance.now();
  const { settings, file } = resolved;
  const closers = new Closers();
  const stopping = new AbortController();
  const { data_dir: dataDir, server } = settings;
  const overridesDir = settings.overrides_dir ?? '';
  const controlSocket = join(dataDir, 'control.sock');
  let usage: Usage | null = null;
  let lastUsed: LastUsedTimes | null = null;
  const metrics = createMetrics(version, settings.routing.provider_suffix);
  const recent = createRecent();
  const pastProviders = new PastProviders();
  const startedAt = Date.now();
  const emit: Emit = (event) => {
    if (event.type === 'request_finished') {
      usage?.record(event);
      lastUsed?.record(event);
    }
    const told = event.type === 'request_finished' ? withoutText(event) : event;
    metrics.emit(told);
    recent.emit(told);
    log(told);
  };
  emit({ type: 'daemon_starting', version, pid: process.pid, dataDir, settings: file });
  if (settings.auth === 'off') emit({ type: 'auth_off' });
  try {
    await makeDataDir(dataDir);
    const orphans = takeover ? null : findOrphans(dataDir, server);
    if (takeover) server.port = takeover.port;
    else if (!orphans) server.port = await claimPort(server.host, server.port);
    const workersDesired = workerCount(server.workers);
    const processes = new ProcessesFile(dataDir);
    closers.push(() => processes.remove());
    /** False while the embedded Postgres is another daemon's. */
    let ownsDatabase = takeover === null;
    /** Whether `workers.json` is about this daemon alone: not while others may have to go on. */
    let isRecorded = takeover === null && orphans === null;
    let isReplaced = false;
    const identify = () => workers.pids.map(identityOf);
    const admin = await adminKey(settings.admin.key, dataDir);
    const adminKeys = namedAdminKeys(admin.key, settings.admin.keys);
    if (admin.generatedIn) emit({ type: 'admin_key_generated', file: admin.generatedIn });
    const secrets = await Secrets.open(settings, true);
    const followed = followSecrets(secrets, emit);
    const lastGood = new LastGood(dataDir, () => secrets.ring);
    const { url: dbUrl, pool_size: poolSize } = settings.database;
    const passed = takeover?.postgres ?? null;
    const store = new Store({ dbUrl, dataDir, poolSize, passed }, emit);
    const workers = new Workers({
      count: workersDesired,
      // They need no key to decrypt with.
      settings: { ...settings, secrets: { ...settings.secrets, key: null, key_file: null } },
      controlSocket,
      version,
      adminKeyHashes: adminKeys.map(({ sha256 }) => sha256),
      limitsStartFull: takeover === null && orphans === null,
      isOnTrial: takeover !== null,
      emit,
      onPids: () => {
        if (isReplaced) return;
        if (orphans && !isRecorded) {
          const left = orphans.workers.filter(isSame);
          processes.update({ ...orphans, workers: [...left, ...identify()] });
        }
        if (!isRecorded) return;
        processes.update({ version, host: server.host, port: server.port, workers: identify() });
      },
    });

    const probing = openProbing(settings, workers, emit);
    closers.push(() => probing.close());

    let engine = '';
    const reloader = new Reloader({
      readRows: () => readRows(store, lastGood),
      readOverrides: () => readOverrideFiles(overridesDir),
      resolveSecrets: (configuration, rows) => followed.resolve(configuration, rows),
      privateAddresses: settings.upstream.private_addresses,
      publish: async (configuration, hash) => {
        metrics.configured(configuredNames(configuration, settings.routing));
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

    metrics.watch(() => ({
      workers: workers.states,
      workersDesired,
      configVersion: engine ? reloader.active.configuration.version : null,
      lastReload: reloader.lastReload,
      usage: { queuedRows: usage?.queue.depth ?? 0, droppedRows: usage?.queue.dropped ?? 0 },
      droppedLogLines: droppedLogLines(),
    }));

    const handlers: Control = {
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
      workers: () => ({ version, startedAt, desired: workersDesired, states: workers.states }),
      providersAt: (configVersion) => pastProviders.of(configVersion),
      get sql() {
        return store.sql;
      },
      active: () => started(engine, reloader).active,
      reload: () => started(engine, reloader).reload(),
      problemsOf: (change) => reloader.problemsOf(change),
      emit,
    };
    const openControl = async () => {
      const control = await startControlServer(controlSocket, handlers, takeover !== null);
      closers.push(() => control.close());
      return control;
    };
    // Orphans notice it, and drain.
    if (!takeover) await openControl();
    const controlSinceMs = performance.now();
    if (orphans && !orphans.sharesPort) {
      endOrphans(orphans);
      await claimFreedPort(server.host, server.port);
    }

    closers.push(() => {
      // The server stays for the other daemon: the one that replaces this one, or is not replaced.
      if (!ownsDatabase && store.isOpen) store.database.hold()?.release();
      return store.close();
    });
    const kept = await openOrFallBack(store, lastGood, takeover !== null);
    if (kept) emit({ type: 'started_without_database', ...kept });

    const stored = openUsage(
      settings.usage,
      store,
      await UsageSpool.open(join(dataDir, 'usage-spool'), settings.usage.max_spool_bytes),
      emit,
    );
    usage = stored;
    closers.push(() => stored.close());
    const lastUses = openLastUsed(store);
    lastUsed = lastUses;
    closers.push(() => lastUses.close());
    const startStoring = async () => {
      await followed.check(store.sql);
      await stored.startMaintenance();
    };
    if (store.isOpen) await startStoring();

    closers.push(() => workers.stop());
    await takeover?.prepared();
    if (orphans) await pause(3 * orphanPollMs - (performance.now() - controlSinceMs));
    await reloader.reload();
    closers.push(() => reloader.stop());

    const overrides = watchOverrideFiles(overridesDir, () => reloader.mark());
    closers.push(() => overrides.close());
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
    if (store.isOpen) follow();
    else {
      workers.inform({ database: 'down' });
      store.openLater(() => {
        if (stopping.signal.aborted) return;
        follow();
        startStoring().catch(() => {});
      });
    }

    if (takeover) await openControl();
    ownsDatabase = true;
    isRecorded = true;
    workers.inCharge();
    if (orphans) endOrphans(orphans);
    processes.update({
      version,
      host: server.host,
      port: server.port,
      control: identityOf(process.pid),
      sharesPort: sharesPort(engine),
      workers: identify(),
    });
    const url = `http://${urlHost(server.host)}:${server.port}`;
    emit({
      type: 'ready',
      url,
      workers: workers.pids.length,
      engine,
      tookMs: performance.now() - startMs,
    });
    takeover?.ready(version);
    return {
      url,
      reload: () =>
        reloader.reload().then(
          () => {},
          () => {},
        ),
      ping: () => workers.ping(),
      stop: () => {
        stopping.abort();
        return closers.close();
      },
      upgrade: async () => {
        try {
          const hold = store.isOpen ? store.database.hold() : null;
          if (!sharesPort(engine)) throw new Error(cannotShare);
          if (settings.database.url === null && !hold) {
            throw new Error('the embedded PostgreSQL is restarting');
          }
          const freeze = () => workers.freeze();
          const successor = await startSuccessor({
            port: server.port,
            hold,
            freeze,
            stopping: stopping.signal,
          });
          ownsDatabase = false;
          isReplaced = true;
          hold?.release();
          return successor;
        } catch (error) {
          workers.thaw();
          const reason = error instanceof Error ? error.message : String(error);
          processes.update({ upgradeFailed: { at: Date.now(), reason } });
          emit({ type: 'upgrade_failed', reason });
          throw error;
        }
      },
      kill: () => workers.kill(),
    };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

const cannotShare =
  `Node ${process.versions.node} cannot open the port beside the workers that serve on it: ` +
  'restart the daemon instead, or use the engine hyper-express, or Node 22.12 or newer';

/** The folder of root's daemon is open to look into, since PostgreSQL runs there as another user. */
async function makeDataDir(dataDir: string): Promise<void> {
  const made = await mkdir(dataDir, { recursive: true });
  if (made) await chmod(dataDir, process.getuid?.() === 0 ? 0o755 : 0o700);
}

function workerCount(setting: number | 'auto'): number {
  return setting === 'auto' ? Math.max(1, availableParallelism() - 1) : setting;
}

/** The control socket is claimed before there is anything to ask. */
function started(engine: string, reloader: Reloader): Reloader {
  if (engine) return reloader;
  throw new GatewayError('unavailable', 'The daemon is starting.');
}

/** Where a person on this machine reaches a listener. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
