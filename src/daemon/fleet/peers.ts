import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { DaemonRow } from '../../db/queries/fleet/daemons.js';
import { daemonHeader } from '../../proxy/health.js';
import { daemonTag } from './identity.js';

/** Heartbeats come every second: a daemon without one for so long is looked for. */
export const silentAfterMs = 1_400;
const lookTimeoutMs = 800;
/** Interval between looks at a daemon that is not silent. */
const everyMs = 10_000;
/** Looks at an address, one after the other, that is not proven: its daemon may be just starting. */
const firstLooks = 10;
/** So many answers in a row prove that an address is a daemon's own, and no load balancer's. */
const provenBy = 3;

interface Peer {
  /** Answers in a row that were this daemon's own. */
  answers: number;
  looks: number;
  isLooking: boolean;
  nextMs: number;
  found: 'dead' | 'alive' | null;
}

/**
 * The other daemons, as they are found at their own listeners. The database knows only that one is silent:
 * it may have ended, or be cut off from the database and still serve. If nothing listens at an address
 * that was the daemon's own, none of its processes is left. No answer at all proves nothing.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>();

  /** True for a silent daemon that has ended. */
  isDead(id: string): boolean {
    return this.#peers.get(id)?.found === 'dead';
  }

  /** True for a silent daemon that still serves. */
  isAlive(id: string): boolean {
    return this.#peers.get(id)?.found === 'alive';
  }

  /** Looks for those that are silent, and proves the addresses of the others. Does not wait. */
  look(rows: readonly DaemonRow[], nowMs: number): void {
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#peers.keys()) if (!ids.has(id)) this.#peers.delete(id);
    for (const row of rows) {
      const url = row.listeners.find((listener) => /^https?:/.test(listener));
      // One that drains listens no more, and still serves what it has accepted.
      if (url === undefined || row.state !== 'serving') continue;
      const isSilent = row.age_ms > silentAfterMs;
      const peer = this.#peers.get(row.id) ?? newPeer();
      this.#peers.set(row.id, peer);
      if (!isSilent) peer.found = null;
      if (peer.isLooking || (!isSilent && nowMs < peer.nextMs)) continue;
      peer.isLooking = true;
      void answerAt(url).then((answer) => {
        peer.isLooking = false;
        learn(peer, isSilent, answer === daemonTag(row.id) ? 'own' : answer);
        peer.looks++;
        const isNew = peer.looks < firstLooks || peer.answers > 0;
        const isProving = isNew && peer.answers < provenBy;
        peer.nextMs = isProving ? nowMs : nowMs + everyMs;
      });
    }
  }
}

const newPeer = (): Peer => ({ answers: 0, looks: 0, isLooking: false, nextMs: 0, found: null });

function learn(peer: Peer, isSilent: boolean, answer: string | null): void {
  if (answer === 'own') {
    peer.answers++;
    if (isSilent) peer.found = 'alive';
  } else if (!isSilent) {
    if (answer !== null) peer.answers = 0;
  } else if (answer === 'refused' && peer.answers >= provenBy) {
    peer.found = 'dead';
  } else if (peer.found === 'alive') {
    peer.found = null;
  }
}

/** Tag of the daemon that answers at a URL; `refused` if nothing listens there; null: unknown. */
function answerAt(url: string): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { agent: false, signal: AbortSignal.timeout(lookTimeoutMs) };
    const health = new URL('/health', url);
    // The certificate may be for the name of a load balancer, and nothing secret is sent.
    const sent = url.startsWith('https:')
      ? requestTls(health, { ...options, rejectUnauthorized: false })
      : request(health, options);
    sent.on('response', (response) => {
      response.on('error', () => {}).resume();
      resolve(response.headers[daemonHeader]?.toString() ?? '');
    });
    sent.on('error', (error) => resolve(isRefused(error) ? 'refused' : null));
    sent.end();
  });
}

function isRefused(error: NodeJS.ErrnoException): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefused);
  return error.code === 'ECONNREFUSED';
}
