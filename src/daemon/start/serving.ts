import type { Configuration } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { configVersion } from '../../db/queries/configuration/config-version.js';
import { PriceSheets } from '../../pricing/price-sheets.js';
import type { Budgets } from '../budgets.js';
import type { Canaries } from '../canary/canaries.js';
import type { Closers } from '../closers.js';
import type { OpenFleet } from '../fleet/open-fleet.js';
import { configuredNames, namesModels } from '../follow/configured-names.js';
import { followDatabase } from '../follow/follow-database.js';
import type { FollowedSecrets } from '../follow/follow-secrets.js';
import type { LastGood } from '../follow/last-good.js';
import { readRowChanges, readRows } from '../follow/last-rows.js';
import { readOverrideFiles, watchOverrideFiles } from '../follow/override-files.js';
import { PastProviders } from '../follow/past-providers.js';
import { Reloader } from '../follow/reloader.js';
import { RowReader } from '../follow/row-reader.js';
import type { PriceBook } from '../price-book.js';
import type { Probing } from '../probing.js';
import type { Workers } from '../workers/workers.js';
import type { Observers } from './observers.js';
import type { Storage } from './storage.js';

/** Interval of full reads, even if all changes are known. */
const wholeEveryMs = 3_600_000;

interface ServingOptions {
  settings: Settings;
  observers: Observers;
  workers: Workers;
  storage: Storage;
  followed: FollowedSecrets;
  lastGood: LastGood;
  prices: PriceBook;
  budgets: Budgets;
  fleet: OpenFleet;
  canaries: Canaries;
  probing: Probing;
  /** Called before a configuration is active. */
  onConfiguration: (configuration: Configuration) => void;
  /** Called when this daemon stops, before its workers drain. */
  stopListening: () => void;
  /** Aborted when this daemon begins to stop. */
  stopping: AbortSignal;
  closers: Closers;
}

/** The configuration of a daemon, from its sources to the workers. */
export interface Serving {
  readonly reloader: Reloader;
  readonly pastProviders: PastProviders;
  /** The workers' HTTP engine; empty until they serve. */
  readonly engine: string;
  /** Reads the configuration, starts the workers with it, and follows what changes. */
  start(): Promise<void>;
}

export function createServing(options: ServingOptions): Serving {
  const { settings, workers, storage, followed, lastGood, prices, budgets, probing, closers } =
    options;
  const { fleet } = options;
  const { emit, metrics } = options.observers;
  const { store } = storage;
  const overridesDir = settings.overrides_dir ?? '';
  const pastProviders = new PastProviders();
  const priceSheets = new PriceSheets();
  let engine = '';
  const rowReader = new RowReader({
    readAll: () => readRows(store, lastGood),
    readChanges: (since) => readRowChanges(store, since),
    onDifference: () => emit({ type: 'config_feed_differs' }),
  });
  const reloader = new Reloader({
    readRows: async () => (await readRows(store, lastGood)).rows,
    readChanged: (whole) => rowReader.read(whole),
    readVersion: async () => (await configVersion(store.sql)).version,
    readOverrides: () => readOverrideFiles(overridesDir),
    resolve: async (merged, rows) => {
      const { providers, ...others } = await followed.resolve(merged, rows);
      return { ...others, providers: priceSheets.attach(providers, merged.prices ?? []) };
    },
    privateAddresses: settings.upstream.private_addresses,
    publish: async (configuration, hash, change) => {
      if (!change || change.hasOthers || namesModels(change)) {
        metrics.configured(configuredNames(configuration, settings.routing));
      }
      if (!change || change.hasOthers) {
        prices.configured(configuration.providers);
        budgets.configured(configuration);
        options.onConfiguration(configuration);
        options.canaries.configured(configuration);
      }
      if (engine) return await workers.publish(configuration, hash, change);
      await fleet.fleet.join();
      engine = await workers.start(configuration, hash);
    },
    activated: (configuration, rows, change) => {
      workers.inform({ configVersion: configuration.version });
      void fleet.fleet.beat();
      lastGood.save(rows, change).catch((error: unknown) => {
        emit({ type: 'config_not_kept', reason: error instanceof Error ? error.message : '' });
      });
      if (!change || change.hasOthers) probing.configured(configuration);
      pastProviders.add(configuration);
    },
    emit,
  });
  const follow = () => {
    const following = followDatabase({
      store,
      listenUrl: settings.database.listen_url,
      mark: (whole) => reloader.mark(whole),
      onMessage: (text) => fleet.bus.receive(text),
      knownVersion: () => reloader.active.configuration.version,
      renew: () => void (followed.mayChange && reloader.renew()),
      onState: (database) => workers.inform({ database }),
      emit,
    });
    closers.push(() => following.close());
    fleet.whenSilent(() => following.doubt());
    const hourly = setInterval(() => reloader.mark(true), wholeEveryMs);
    closers.push(() => clearInterval(hourly));
  };
  return {
    reloader,
    pastProviders,
    get engine() {
      return engine;
    },
    async start() {
      closers.push(() => workers.stop());
      // Before they drain: a connection that nobody accepts would hang as long, and then be reset.
      closers.push(options.stopListening);
      workers.fork();
      await reloader.reload();
      closers.push(() => reloader.stop());
      const overrides = watchOverrideFiles(overridesDir, () => reloader.mark());
      closers.push(() => overrides.close());
      if (store.isOpen) return follow();
      workers.inform({ database: 'down' });
      store.openLater(() => {
        if (options.stopping.aborted) return;
        follow();
        storage.start().catch(() => {});
      });
    },
  };
}
