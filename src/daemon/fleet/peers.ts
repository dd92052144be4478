import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { DaemonRow } from '../../db/queries/fleet/daemons.js';
import { awayValue, daemonHeader, shareHeader } from '../../proxy/health.js';
import { daemonTag } from './identity.js';

/** Heartbeats come every second: a daemon without one for so long is looked for. */
const silentAfterMs = 1_400;
const lookTimeoutMs = 800;
/** Interval between looks at a daemon that is not silent. */
const everyMs = 10_000;
/** So many answers in a row prove that an address is a daemon's own, and no load balancer's. */
const provenBy = 3;
/** A daemon that comes back to the store leaves the others more time than this to do so too. */
const awayForMs = 1_500;

interface Peer {
  /** Answers in a row that were this daemon's own. */
  answers: number;
  isLooking: boolean;
  nextMs: number;
  /** True if it was silent, and nothing listens at its address. */
  isDead: boolean;
  /** Time of the question that it answered last. */
  aliveMs: number;
  /** It reserves the share of this daemon until then. */
  keepsUntilMs: number;
  /** It does not reach the store either, and takes no share of others before then. */
  awayUntilMs: number;
}

/**
 * The other daemons, as they are found at their own listeners. The database knows only that one is silent:
 * it may have ended, or be cut off from the database and still serve. If nothing listens at an address
 * that was the daemon's own, none of its processes is left. No answer at all proves nothing.
 *
 * A daemon that is cut off from the store asks the others in the same way whether they reserve its share.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  readonly #tag: string;

  /** @param tag shows the others who asks. */
  constructor(tag: string) {
    this.#tag = tag;
  }

  /** True for a silent daemon that has ended. */
  isDead(id: string): boolean {
    return this.#peers.get(id)?.isDead === true;
  }

  /** Time of the last question that a daemon has answered; null: none since it fell silent. */
  aliveAt(id: string): number | null {
    const aliveMs = this.#peers.get(id)?.aliveMs ?? Number.NEGATIVE_INFINITY;
    return Number.isFinite(aliveMs) ? aliveMs : null;
  }

  /** True if most of a fleet, this daemon and those of these ids, can be asked. */
  canAsk(ids: readonly string[]): boolean {
    return this.#areMost(ids, ({ answers }) => answers >= provenBy);
  }

  /**
   * True if the share of this daemon is reserved: one of these others has it reserved at the store, or most
   * of the fleet do not reach the store, so that the rest of it may not take shares.
   */
  confirmShare(ids: readonly string[], nowMs: number): boolean {
    const keeps = (id: string) => (this.#peers.get(id)?.keepsUntilMs ?? 0) > nowMs;
    return ids.some(keeps) || this.#areMost(ids, ({ awayUntilMs }) => awayUntilMs > nowMs);
  }

  #areMost(ids: readonly string[], test: (peer: Peer) => boolean): boolean {
    const peers = ids.map((id) => this.#peers.get(id)).filter((peer) => !peer?.isDead);
    const passing = peers.filter((peer) => peer !== undefined && test(peer)).length;
    return (passing + 1) * 2 > peers.length + 1;
  }

  /**
   * Looks for those that are silent, and proves the addresses of the others. Does not wait.
   * @param isCutOff asks all of them: this daemon does not reach the store.
   */
  look(rows: readonly DaemonRow[], nowMs: number, isCutOff = false): void {
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#peers.keys()) if (!ids.has(id)) this.#peers.delete(id);
    for (const row of rows) {
      const url = row.listeners.find((listener) => /^https?:/.test(listener));
      // One that drains listens no more, and still serves what it has accepted.
      if (url === undefined || row.state !== 'serving') continue;
      const isSilent = row.age_ms > silentAfterMs;
      const peer = this.#peers.get(row.id) ?? newPeer();
      this.#peers.set(row.id, peer);
      if (!isSilent) {
        peer.isDead = false;
        peer.aliveMs = Number.NEGATIVE_INFINITY;
      }
      if (peer.isLooking || !(isSilent || isCutOff || nowMs >= peer.nextMs)) continue;
      peer.isLooking = true;
      void answerAt(url, this.#tag).then(({ from, share }) => {
        peer.isLooking = false;
        const isOwn = from === daemonTag(row.id);
        learn(peer, isSilent, nowMs, isOwn ? 'own' : from);
        if (isOwn) learnShare(peer, share, nowMs);
        const isProving = peer.answers > 0 && peer.answers < provenBy;
        peer.nextMs = isProving ? nowMs : nowMs + everyMs;
      });
    }
  }
}

const newPeer = (): Peer => ({
  ...{ answers: 0, isLooking: false, nextMs: 0, isDead: false },
  ...{ aliveMs: Number.NEGATIVE_INFINITY, keepsUntilMs: 0, awayUntilMs: 0 },
});

function learn(peer: Peer, isSilent: boolean, askedMs: number, answer: string | null): void {
  if (answer === 'own') {
    peer.answers++;
    peer.isDead = false;
    if (isSilent) peer.aliveMs = askedMs;
  } else if (!isSilent) {
    if (answer !== null) peer.answers = 0;
  } else if (answer === 'refused' && peer.answers >= provenBy) {
    peer.isDead = true;
  }
}

/** @param askedMs counts instead of the time of the answer, which may have taken long. */
function learnShare(peer: Peer, share: string | undefined, askedMs: number): void {
  peer.keepsUntilMs = askedMs + (Number(share) || 0);
  peer.awayUntilMs = share === awayValue ? askedMs + awayForMs : 0;
}

interface Answer {
  /** Tag of the daemon that answers; `refused` if nothing listens; null: unknown. */
  from: string | null;
  /** Its answer about the share of the daemon that asks. */
  share?: string;
}

function answerAt(url: string, tag: string): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { [daemonHeader]: tag };
    const options = { agent: false, signal: AbortSignal.timeout(lookTimeoutMs), headers };
    const health = new URL('/health', url);
    // The certificate may be for the name of a load balancer, and nothing secret is sent.
    const sent = url.startsWith('https:')
      ? requestTls(health, { ...options, rejectUnauthorized: false })
      : request(health, options);
    sent.on('response', (response) => {
      response.on('error', () => {}).resume();
      const of = (name: string) => response.headers[name]?.toString() ?? '';
      resolve({ from: of(daemonHeader), share: of(shareHeader) });
    });
    sent.on('error', (error) => resolve({ from: isRefused(error) ? 'refused' : null }));
    sent.end();
  });
}

function isRefused(error: NodeJS.ErrnoException): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefused);
  return error.code === 'ECONNREFUSED';
}
