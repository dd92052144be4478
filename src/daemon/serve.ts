import type { ResolvedSettings } from '../config/settings/settings.js';
import type { Emit } from '../observe/event.js';
import { Closers } from './closers.js';
import { giveBackMemory } from './give-back-memory.js';
import { createObservers } from './start/observers.js';
import { openParts, type Parts } from './start/parts.js';
import type { Start } from './start/place.js';
import { chooseStart, startAfterCrash, startFresh, startInPlace } from './start/start.js';
import type { Successor } from './upgrade/successor.js';
import type { Takeover } from './upgrade/takeover.js';
import { upgrade } from './upgrade/upgrade.js';
import { urlOf } from './url-of.js';

/** A running daemon. */
export interface Daemon {
  url: string;
  /** The console with a one-time sign-in link, while there is nothing configured; else null. */
  firstSignIn(): string | null;
  /** Reads the configuration again; resolves when that is over. Problems become events. */
  reload(): Promise<void>;
  /** Resolves when every serving worker has answered: none of them hangs. */
  ping(): Promise<void>;
  /** Stops accepting, lets requests finish within the grace period, closes everything. */
  stop(): Promise<void>;
  /** See `upgrade`. */
  upgrade(): Promise<Successor>;
  /** Ends the workers at once; `stop` then returns soon. */
  kill(): void;
}

/**
 * Starts the daemon in its data directory, which must exist. What was opened is closed again when a later step fails.
 * @throws Error saying what to do.
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
  const { data_dir: dataDir } = settings;
  const observers = createObservers(version, settings, log);
  const { emit } = observers;
  emit({ type: 'daemon_starting', version, pid: process.pid, dataDir, settings: file });
  if (settings.auth === 'off') emit({ type: 'auth_off' });
  const closers = new Closers();
  try {
    const start = await chooseStart(settings, takeover);
    const parts = await openParts(resolved, version, observers, droppedLogLines, start, closers);
    await bringUp(parts, start);
    parts.takeCharge();
    const { engine, workers } = parts;
    const url = urlOf(settings.server);
    const tookMs = performance.now() - startMs;
    emit({ type: 'ready', url, workers: workers.pids.length, engine, tookMs });
    takeover?.ready(version);
    closers.push(giveBackMemory());
    return running(parts, url);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

function bringUp(parts: Parts, start: Start): Promise<void> {
  switch (start.kind) {
    case 'fresh':
      return startFresh(parts);
    case 'after_crash':
      return startAfterCrash(parts, start.orphans);
    case 'takeover':
      return startInPlace(parts, start.takeover);
  }
}

function running(parts: Parts, url: string): Daemon {
  const { closers, reloader, stopping, workers } = parts;
  return {
    url,
    firstSignIn: () => parts.firstSignIn(),
    reload: () => {
      parts.renewTls();
      return reloader.reload(true).then(
        () => {},
        () => {},
      );
    },
    ping: () => workers.ping(),
    stop: () => {
      stopping.abort();
      return closers.close();
    },
    upgrade: () => upgrade(parts),
    kill: () => workers.kill(),
  };
}
