import type { Parts } from '../start/parts.js';
import { sharesPort } from '../workers/listen-port.js';
import { type Successor, startSuccessor } from './successor.js';

/**
 * Starts the code now on disk beside this daemon; resolves when it serves, and this daemon is only
 * to be stopped.
 * @throws Error saying why the new one does not serve; this daemon stays as it was.
 */
export async function upgrade(parts: Parts): Promise<Successor> {
  const { settings, emit, engine, processes, stopping, store, workers } = parts;
  try {
    if (!parts.socket && !sharesPort(engine, settings.server.host)) throw new Error(cannotShare);
    const hold = store.isOpen ? store.database.hold() : null;
    if (settings.database.url === null && !hold) {
      throw new Error('the embedded PostgreSQL is restarting');
    }
    const successor = await startSuccessor({
      port: settings.server.port,
      listenFd: parts.socket?.fd ?? null,
      admin: parts.adminListener,
      hold,
      freeze: () => workers.freeze(),
      stopping: stopping.signal,
    });
    parts.place = 'replaced';
    hold?.release();
    return successor;
  } catch (error) {
    workers.thaw();
    const reason = error instanceof Error ? error.message : String(error);
    processes.update({ upgradeFailed: { at: Date.now(), reason } });
    emit({ type: 'upgrade_failed', reason });
    throw error;
  }
}

const cannotShare =
  `Node ${process.versions.node} cannot open the port beside the workers that serve on it: ` +
  'restart the daemon instead, or use the engine hyper-express, or Node 22.12 or newer';
