import { hostname } from 'node:os';
import type { FleetControl } from '../../admin/control.js';
import type { DescribedFleet } from '../../admin/describe-fleet.js';
import type { RequestExplanation } from '../../admin/explain/request-explanation.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Emit } from '../../observe/event.js';
import type { FleetState } from '../../observe/gateway-state.js';
import type { FleetFacts } from '../../proxy/gateway.js';
import type { Store } from '../store.js';
import { identityOf } from '../workers/processes-file.js';
import type { Workers } from '../workers/workers.js';
import { Fleet } from './fleet.js';
import { FleetBus } from './fleet-bus.js';
import type { Identity } from './identity.js';
import { leaseStoreName, openLeaseStore } from './lease-stores.js';

/** Time for all daemons to use a change; longer than reading a large configuration takes. */
const confirmMs = 2_000;

interface FleetParts {
  settings: Settings;
  version: string;
  identity: Identity;
  store: Store;
  workers: Workers;
  /** Version of the active configuration; null while there is none. */
  configVersion: () => number | null;
  explain: (requestId: string) => RequestExplanation | null;
  emit: Emit;
}

/** A daemon's part in its fleet. */
export interface OpenFleet extends FleetControl {
  readonly fleet: Fleet;
  readonly bus: FleetBus;
  /** Daemons that limits hold over. */
  readonly size: number;
  /** For metrics. */
  readonly state: FleetState;
  /** Sets what is called when a heartbeat fails. */
  whenSilent(call: () => void): void;
}

export function openFleet(parts: FleetParts): OpenFleet {
  const { settings, version, identity, store, workers, configVersion, explain, emit } = parts;
  const limit_store = leaseStoreName(settings.fleet);
  let facts: FleetFacts = { size: 1, rank: 1, cutOff: 0, gone: 0, behind: 0, versions: 1 };
  let isStoreWorking = true;
  let onSilence = () => {};
  const learn = (change: Partial<FleetFacts>) => {
    const next = { ...facts, ...change };
    if (JSON.stringify(next) === JSON.stringify(facts)) return;
    facts = next;
    workers.inform({ fleet: facts });
  };
  const share = async (isShared: boolean) => {
    if (!isShared) {
      await workers.shared.limits.unshare();
      learn({ size: 1, rank: 1 });
      isStoreWorking = true;
      return emit({ type: 'limits_own' });
    }
    emit({ type: 'limits_shared', store: limit_store });
    // A guess until the store's first answer.
    const assumed = { size: fleet.others.length + 1, rank: 1 };
    learn(assumed);
    workers.shared.limits.share({
      store: openLeaseStore(settings.fleet, store, identity.id),
      share: assumed,
      dead: () => fleet.dead(),
      alive: () => fleet.alive(),
      onStore(reason) {
        isStoreWorking = reason === null;
        emit(reason === null ? { type: 'limits_working' } : { type: 'limits_failing', reason });
      },
      onShare: learn,
    });
  };
  const fleet = new Fleet({
    store,
    identity,
    report: () => ({
      version,
      pid: process.pid,
      workers: workers.pids.length,
      listeners: [listenerOf(settings.server)],
      config_version: configVersion(),
      limit_store,
      processes: [process.pid, ...workers.pids].map(identityOf),
    }),
    share,
    onChange: (now) => learn(counts(now)),
    tellJoined: () => bus.send({ type: 'joined' }),
    onSilence: () => onSilence(),
    emit,
  });
  const bus = new FleetBus({
    id: identity.id,
    sql: () => store.sql,
    hasOthers: () => fleet.others.length > 0,
    onJoined: () => void fleet.beat(),
    onLearned: (learned) => workers.shared.learn(learned),
    explain,
  });
  return {
    fleet,
    bus,
    id: identity.id,
    get size() {
      return facts.size;
    },
    get state() {
      const { daemons } = fleet.now;
      const live = daemons.filter(({ state }) => state !== 'gone');
      return {
        ...counts(fleet.now),
        live: Math.max(1, live.length),
        lag: Math.max(0, ...live.map(({ behind }) => behind)),
        isShared: facts.size > 1,
        isStoreWorking,
        daemons: daemons.map(({ id, behind, heartbeat_age_ms }) => ({
          ...{ id, behind },
          heartbeatAgeMs: heartbeat_age_ms,
        })),
      };
    },
    explain: (requestId) => bus.ask(requestId),
    has: (id) => fleet.others.some((other) => other.id === id),
    confirm: (version) => fleet.confirm(version, confirmMs),
    serves: fleet.serves,
    whenSilent(call) {
      onSilence = call;
    },
  };
}

/** Address for other machines. */
function listenerOf({ host, port, tls }: Settings['server']): string {
  if (host.startsWith('unix:')) return host;
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? hostname() : host.includes(':') ? `[${host}]` : host;
  return `${tls.cert === null ? 'http' : 'https'}://${name}:${port}`;
}

function counts({ daemons, versions }: DescribedFleet) {
  return {
    cutOff: daemons.filter(({ state }) => state === 'cut_off').length,
    gone: daemons.filter(({ state }) => state === 'gone').length,
    behind: daemons.filter(({ state, behind }) => state !== 'gone' && behind > 0).length,
    versions: Math.max(1, versions.length),
  };
}
