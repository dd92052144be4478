import { setTimeout as pause } from 'node:timers/promises';
import type { Confirmation } from '../../admin/control.js';
import {
  type DescribedFleet,
  describeFleet,
  type FleetDaemon,
  goneAfterMs,
} from '../../admin/describe-fleet.js';
import type { Sql } from '../../db/client.js';
import {
  type DaemonReport,
  type DaemonRow,
  forgetDaemons,
  readDaemons,
  removeDaemon,
  saveDaemon,
} from '../../db/queries/fleet/daemons.js';
import { forgetLeases } from '../../db/queries/fleet/take-leases.js';
import { withDeadline } from '../../db/with-deadline.js';
import { lostAfterMs } from '../../limits/lease-store.js';
import type { Emit } from '../../observe/event.js';
import type { Store } from '../store.js';
import { isSame } from '../workers/processes-file.js';
import type { Identity } from './identity.js';
import { Peers, silentAfterMs } from './peers.js';

const beatMs = 1_000;
const queryTimeoutMs = 2_000;
/** Time for all others to share their limits before this daemon serves. */
const joinTimeoutMs = 3_000;
/** A daemon that has been alone for this long manages its limits by itself again. */
const aloneAfterMs = 30_000;
/** Daemons that are gone are shown for an hour. */
const forgetAfterMs = 3_600_000;
const forgetBeats = 600;
const pollMs = 50;
/** One that is silent and not known to be dead may serve for this long; the store keeps its share. */
const mayServeMs = 60_000;

interface FleetOptions {
  store: Store;
  identity: Identity;
  /** Further facts that this daemon reports. */
  report: () => Omit<DaemonReport, keyof Identity | 'state' | 'shares_limits'>;
  /** Called when limits start to be shared between daemons, or this daemon is alone again. */
  share: (isShared: boolean) => Promise<void>;
  /** Called when the result of `now` changes. */
  onChange: (fleet: DescribedFleet) => void;
  /** Tells the other daemons that this one has joined. */
  tellJoined: () => void;
  /** Called when a heartbeat fails. */
  onSilence: () => void;
  emit: Emit;
}

/**
 * This daemon among those of its database: says that it lives, and knows who else does.
 *
 * States: alone → sharing limits, as soon as there is another daemon → alone, once there has been
 * none for a while. A daemon that starts waits until all others share, so that no limit is given
 * twice. Each says that it keeps its limits itself before it looks who is there, so that of two that
 * look at once one sees the other.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #peers = new Peers();
  #daemons: readonly DaemonRow[] = [];
  #configVersion = 0;
  #state: DaemonReport['state'] = 'starting';
  #isShared = false;
  /** Time since when no other daemon has been seen; null while there is one. */
  #aloneSinceMs: number | null = null;
  #beatMs = Number.NEGATIVE_INFINITY;
  /** The events told last: a daemon that was never here is told of only when it joins. */
  #known = new Map<string, Told>();
  #beats = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** State at the last heartbeat that was stored. */
  get now(): DescribedFleet {
    return describeFleet(this.#daemons, this.#configVersion, this.#isDead, this.serves);
  }

  /** True for a daemon that is cut off from the database, and was found to serve. */
  readonly serves = (id: string): boolean => this.#peers.isAlive(id);

  /** Ids of daemons that are known to have ended. */
  dead(): string[] {
    return this.#daemons.filter(this.#isDead).map(({ id }) => id);
  }

  /** Ids of other daemons that live, whether or not they reach the store of the limits. */
  alive(): string[] {
    const isAlive = ({ id, age_ms }: DaemonRow) =>
      age_ms <= silentAfterMs || this.#peers.isAlive(id);
    return this.#besides.filter(isAlive).map(({ id }) => id);
  }

  /** Live daemons other than this one and the one that it takes over from. */
  get others(): DaemonRow[] {
    const { place } = this.#options.identity;
    return this.#daemons.filter(
      (row) => row.place !== place && row.age_ms <= goneAfterMs && !this.#isDead(row),
    );
  }

  /** Registers this daemon; resolves when limits are shared by all. Never throws. */
  async join(): Promise<void> {
    const giveUpMs = performance.now() + joinTimeoutMs;
    await this.beat();
    this.#options.tellJoined();
    const isWaiting = ({ shares_limits, age_ms }: DaemonRow) =>
      !shares_limits && age_ms <= lostAfterMs;
    while (this.others.some(isWaiting) && performance.now() < giveUpMs) {
      await pause(pollMs);
      await this.beat();
    }
  }

  /** Marks this daemon as serving, and sends a heartbeat every second from now on. */
  serve(): void {
    this.#state = 'serving';
    this.#next(0);
  }

  /** Marks this daemon as draining: it accepts nothing new. */
  drain(): void {
    this.#state = 'draining';
    void this.beat();
  }

  /** Sends a heartbeat and reads those of others, after any heartbeat in progress. Never throws. */
  beat(): Promise<void> {
    const beating = this.#beating.then(() => this.#beat()).catch(this.#options.onSilence);
    this.#beating = beating;
    return beating;
  }

  /**
   * Waits, up to a limit, until every daemon that serves uses a version of the configuration; one that is cut
   * off from the database does not.
   */
  async confirm(version: number, timeoutMs: number): Promise<Confirmation> {
    const giveUpMs = performance.now() + timeoutMs;
    await this.beat();
    for (;;) {
      const daemons = this.now.daemons.filter(
        ({ id, state }) => state !== 'gone' || this.#mayServe.some((row) => row.id === id),
      );
      const missing = daemons.filter((each) => (each.config_version ?? 0) < version);
      if (missing.length === 0 || performance.now() > giveUpMs) {
        const confirmed = daemons.length - missing.length;
        return { daemons: daemons.length, confirmed, missing: missing.map(({ id }) => id) };
      }
      await pause(pollMs);
      await this.#query((sql) => this.#read(sql)).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#beating;
    const { store, identity } = this.#options;
    if (!store.isOpen) return;
    await this.#query((sql) => removeDaemon(sql, identity.id)).catch(() => {});
  }

  #next(inMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.beat().then(() => this.#next(beatMs));
    }, inMs);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    const { store, share, onChange } = this.#options;
    if (!store.isOpen || this.#isClosed) return;
    const say = async (sql: Sql) => {
      await this.#save(sql);
      await this.#read(sql);
    };
    await this.#query(say);
    this.#peers.look(this.#besides, performance.now());
    const isLongAlone = this.#isLongAlone();
    const isShared = this.others.length > 0 || (this.#isShared && !isLongAlone);
    if (isShared !== this.#isShared) {
      this.#isShared = isShared;
      if (isShared) await share(true);
      await this.#query(say);
      // Another daemon may have joined meanwhile, relying on shared limits.
      if (!isShared && this.others.length === 0) await share(false);
      if (isShared) this.#options.tellJoined();
    }
    this.#tell();
    onChange(this.now);
    if (this.#beats++ % forgetBeats === 0) {
      await this.#query(async (sql) => {
        await forgetDaemons(sql, forgetAfterMs);
        await forgetLeases(sql);
      });
    }
  }

  /** After an outage of the database all other daemons look as if they were gone. */
  #isLongAlone(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#beatMs > goneAfterMs) this.#aloneSinceMs = null;
    this.#beatMs = nowMs;
    if (this.others.length > 0) {
      this.#aloneSinceMs = null;
      return false;
    }
    this.#aloneSinceMs ??= nowMs;
    return nowMs - this.#aloneSinceMs >= aloneAfterMs;
  }

  async #save(sql: Sql): Promise<void> {
    const { identity, report } = this.#options;
    await saveDaemon(sql, {
      ...identity,
      ...report(),
      state: this.#state,
      shares_limits: this.#isShared,
    });
  }

  async #read(sql: Sql): Promise<void> {
    const { daemons, configVersion } = await readDaemons(sql);
    this.#daemons = daemons;
    this.#configVersion = configVersion;
  }

  /** Silent ones that clients may still reach. */
  get #mayServe(): DaemonRow[] {
    const mayServe = (row: DaemonRow) =>
      this.#peers.isAlive(row.id) || (row.age_ms <= mayServeMs && !this.#isDead(row));
    return this.#besides.filter(mayServe);
  }

  get #besides(): DaemonRow[] {
    return this.#daemons.filter(({ id }) => id !== this.#options.identity.id);
  }

  /** For daemons that are known to have ended. */
  readonly #isDead = (row: DaemonRow): boolean => {
    if (this.#peers.isDead(row.id)) return true;
    if (row.age_ms <= lostAfterMs) return false;
    return (
      hasNoProcess(row, this.#options.identity.machine) ||
      this.#daemons.some((other) => isAfterReboot(row, other))
    );
  };

  async #query(use: (sql: Sql) => Promise<void>): Promise<void> {
    await withDeadline(this.#options.store.sql, queryTimeoutMs, 'A heartbeat', use);
  }

  #tell(): void {
    const { emit, identity } = this.#options;
    const now = new Map<string, Told>();
    for (const { id, state } of this.now.daemons) {
      if (id === identity.id) continue;
      const told = tellingOf(state);
      now.set(id, told);
      if (told !== (this.#known.get(id) ?? 'daemon_gone')) emit({ type: told, daemon: id });
    }
    this.#known = now;
  }
}

type Told = 'daemon_joined' | 'daemon_cut_off' | 'daemon_gone';

function tellingOf(state: FleetDaemon['state']): Told {
  if (state === 'gone') return 'daemon_gone';
  return state === 'cut_off' ? 'daemon_cut_off' : 'daemon_joined';
}

/** True for a daemon of this machine of which no process is left. */
function hasNoProcess(row: DaemonRow, machine: string | null): boolean {
  return machine !== null && row.machine === machine && !row.processes.some(isSame);
}

/** True if a daemon has started in the place of another one, on a machine that has booted since. */
function isAfterReboot(old: DaemonRow, row: DaemonRow): boolean {
  const isOther = row.machine !== null && old.machine !== null && row.machine !== old.machine;
  return isOther && row.place === old.place && row.started_at > old.started_at;
}
