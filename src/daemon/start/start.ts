import { setTimeout as pause } from 'node:timers/promises';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Takeover } from '../upgrade/takeover.js';
import { claimFreedPort, claimPort } from '../workers/listen-port.js';
import { adoptListenSocket, openListenSocket, systemdSocket } from '../workers/listen-socket.js';
import { orphanPollMs } from '../workers/orphan.js';
import { endOrphans, findOrphans, type Processes } from '../workers/processes-file.js';
import type { Parts } from './parts.js';
import type { Start } from './place.js';

/**
 * Finds out which start it is, and settles `server.port`.
 * @throws Error when the address cannot be listened on.
 */
export async function chooseStart(
  { data_dir, server }: Settings,
  takeover: Takeover | null,
): Promise<Start> {
  // hyper-express cannot take a socket over: each of its workers opens the port.
  const opens = server.engine !== 'hyper-express';
  if (takeover) {
    server.port = takeover.port;
    const fd = takeover.listenFd;
    const socket = opens && fd !== null ? adoptListenSocket(fd, server.host) : null;
    return { kind: 'takeover', takeover, socket };
  }
  const fd = opens ? systemdSocket() : null;
  const handed = fd === null ? null : adoptListenSocket(fd, server.host);
  if (handed) server.port = handed.port;
  const orphans = findOrphans(data_dir, server);
  if (orphans) return { kind: 'after_crash', orphans, socket: handed };
  if (handed) return { kind: 'fresh', socket: handed };
  server.port = await claimPort(server.host, server.port);
  const socket = opens ? await openListenSocket(server.host, server.port) : null;
  return { kind: 'fresh', socket };
}

export async function startFresh(parts: Parts): Promise<void> {
  await parts.openControl();
  await parts.openStorage();
  await parts.startServing();
}

/** Orphans stop refilling their limits when the control socket answers, and drain on a signal. */
export async function startAfterCrash(parts: Parts, orphans: Processes): Promise<void> {
  await parts.openControl();
  const openedMs = performance.now();
  const { host, port, engine } = parts.settings.server;
  if (!parts.socket) {
    if (!orphans.sharesPort) {
      endOrphans(orphans);
      await claimFreedPort(host, port);
    }
    if (engine !== 'hyper-express') parts.listenOn(await openListenSocket(host, port));
  }
  await parts.openStorage();
  await pause(3 * orphanPollMs - (performance.now() - openedMs));
  await parts.startServing();
  endOrphans(orphans);
}

/** The control socket is taken last: until then the old daemon is whole. */
export async function startInPlace(parts: Parts, takeover: Takeover): Promise<void> {
  await parts.openStorage();
  await takeover.prepared();
  await parts.startServing();
  await parts.openControl();
}
