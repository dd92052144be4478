import type { Settings } from '../../config/settings/settings-types.js';
import { describeDbUrl } from '../../db/db-url.js';
import type { Closers } from '../closers.js';
import { sharesPort } from '../workers/listen-port.js';
import { identityOf, isSame, ProcessesFile } from '../workers/processes-file.js';
import type { Place, Start } from './place.js';

interface RecordOptions {
  settings: Settings;
  version: string;
  build: string | null;
  start: Start;
  place: () => Place;
  /** Process ids of the workers. */
  pids: () => readonly number[];
  closers: Closers;
}

/**
 * Maintains `workers.json`, by which commands and later daemons find this daemon and its workers.
 */
export interface ProcessRecord {
  readonly processes: ProcessesFile;
  /** Records the current workers, after those left by a crash. */
  workersChanged(): void;
  /** Records this process as the daemon of its data directory. */
  takeCharge(engine: string): void;
}

export function createProcessRecord(options: RecordOptions): ProcessRecord {
  const { settings, version, build, start, place, pids, closers } = options;
  const { server, database } = settings;
  const processes = new ProcessesFile(settings.data_dir);
  closers.push(() => processes.remove());
  const own = () => ({
    version,
    build,
    host: server.host,
    port: server.port,
    database: database.url === null ? 'embedded' : describeDbUrl(database.url),
    workers: pids().map(identityOf),
  });
  return {
    processes,
    workersChanged() {
      const now = place();
      if (now === 'after_crash' && start.kind === 'after_crash') {
        const left = start.orphans.workers.filter(isSame);
        processes.update({ ...start.orphans, workers: [...left, ...own().workers] });
      } else if (now === 'fresh' || now === 'serving') processes.update(own());
    },
    takeCharge(engine) {
      const control = identityOf(process.pid);
      processes.update({ ...own(), control, sharesPort: sharesPort(engine, server.host) });
    },
  };
}
