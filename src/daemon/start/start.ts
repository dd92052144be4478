import { setTimeout as pause } from 'node:timers/promises';
import type { Settings } from '../../config/settings-schema.js';
import { claimFreedPort, claimPort } from '../listen-port.js';
import { orphanPollMs } from '../orphan.js';
import { endOrphans, findOrphans, type Processes } from '../processes-file.js';
import type { Takeover } from '../takeover.js';
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
  if (takeover) {
    server.port = takeover.port;
    return { kind: 'takeover', takeover };
  }
  const orphans = findOrphans(data_dir, server);
  if (orphans) return { kind: 'after_crash', orphans };
  server.port = await claimPort(server.host, server.port);
  return { kind: 'fresh' };
}

export async function startFresh(parts: Parts): Promise<void> {
  await parts.openControl();
  await parts.openStorage();
  await parts.startServing();
}

/** Orphans stop refilling their limits when the control socket answers, and drain when told to. */
export async function startAfterCrash(parts: Parts, orphans: Processes): Promise<void> {
  await parts.openControl();
  const openedMs = performance.now();
  if (!orphans.sharesPort) {
    endOrphans(orphans);
    const { host, port } = parts.settings.server;
    await claimFreedPort(host, port);
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
