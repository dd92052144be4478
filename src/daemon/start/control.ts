import type { AdminKey } from '../../admin/access/authenticate.js';
import type { Control, FleetControl } from '../../admin/control.js';
import { Reports } from '../../admin/reports.js';
import { Oidc } from '../../admin/session/oidc.js';
import { Sessions } from '../../admin/session/sessions.js';
import { SignInLinks } from '../../admin/session/sign-in-links.js';
import { LastPlan } from '../../changes/last-plan.js';
import { describeSettings, type ResolvedSettings } from '../../config/settings/settings.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { GatewayError } from '../../errors.js';
import { Bulk } from '../bulk/bulk.js';
import { createDoctor } from '../doctor.js';
import type { FollowedSecrets } from '../follow/follow-secrets.js';
import { readOverrideFiles } from '../follow/override-files.js';
import type { PriceBook } from '../price-book.js';
import type { Probing } from '../probing.js';
import type { Secrets } from '../secrets/secrets.js';
import type { Store } from '../store.js';
import { consoleUrlOf } from '../url-of.js';
import type { Workers } from '../workers/workers.js';
import type { Observers } from './observers.js';
import type { Serving } from './serving.js';

interface ControlOptions {
  resolved: ResolvedSettings;
  version: string;
  observers: Observers;
  adminKeys: readonly AdminKey[];
  secrets: Secrets;
  followed: FollowedSecrets;
  store: Store;
  prices: PriceBook;
  workers: Workers;
  workersDesired: number;
  fleet: FleetControl;
  probing: Probing;
  serving: Serving;
  /** Aborted when this daemon begins to stop. */
  stopping: AbortSignal;
}

/** Builds the dependencies of the admin API. */
export function createControl(options: ControlOptions): Control {
  const { resolved, version, observers, adminKeys, secrets, followed, store } = options;
  const { workers, workersDesired: desired, probing, serving } = options;
  const { settings } = resolved;
  const { emit, live, metrics, recent } = observers;
  const { reloader, pastProviders } = serving;
  const startedAt = Date.now();
  /** The control socket may answer before the daemon has started. */
  const started = () => {
    if (serving.engine) return reloader;
    throw new GatewayError('unavailable', 'The daemon is starting.', {
      headers: { 'retry-after': '1' },
    });
  };
  const bulk = new Bulk({
    settings,
    daemon: options.fleet.id,
    dbUrl: () => store.database.dbUrl,
    reload: async () => (await reloader.reload()).configuration,
  });
  const oidc = oidcOf(settings.console);
  const { session_ms } = settings.console;
  return {
    settings,
    daemon: options.fleet.id,
    adminKeys,
    describedSettings: describeSettings(resolved),
    metrics,
    health: probing.checks,
    doctor: createDoctor(resolved, options.stopping),
    secrets: {
      shown: (row) => secrets.shown(row),
      decrypt: (row) => secrets.decrypt(row),
      reveal: (row) => secrets.reveal(row),
      checkReadable: (row) => secrets.checkReadable(row),
      dereference: (reference) => secrets.dereference(reference),
      seal: (sql, row) => secrets.seal(sql, row),
      sealChange: (sql, before, after) => secrets.sealChange(sql, before, after),
      unusable: () => followed.unusable,
    },
    recent,
    fleet: options.fleet,
    serves: (id) => options.fleet.serves(id),
    prices: options.prices,
    live,
    sessions: new Sessions(adminKeys, session_ms, () => store.sql, oidc !== null),
    links: new SignInLinks(),
    consoleUrl: () => consoleUrlOf(settings),
    oidc,
    stopping: options.stopping,
    workers: () => ({
      version,
      startedAt,
      desired,
      states: workers.states,
      sharedCache: workers.shared.cache,
    }),
    discoveredModels: () => probing.models,
    providersAt: (configVersion) => pastProviders.of(configVersion),
    get sql() {
      return store.sql;
    },
    reports: new Reports(() => store.reports),
    active: () => started().active,
    reload: () => started().reload(),
    async renew() {
      const active = started();
      await active.renew();
      return await active.reload();
    },
    bulk: (request, signal) => {
      started();
      return bulk.answer(request, signal);
    },
    readOverrides: () => readOverrideFiles(settings.overrides_dir ?? ''),
    problemsOf: (change, author) => reloader.problemsOf(change, author),
    lastPlan: new LastPlan(),
    emit,
  };
}

/** The console with a one-time sign-in link, while there is nothing configured; else null. */
export function firstSignIn(
  { settings, adminKeys, links }: Control,
  serving: Serving,
): string | null {
  const { providers, credentials } = serving.reloader.active.configuration;
  const url = consoleUrlOf(settings);
  const [key] = adminKeys;
  if (url === null || !key || providers.length > 0 || credentials.length > 0) return null;
  return links.create(key, url).url;
}

function oidcOf({ oidc, url }: Settings['console']): Oidc | null {
  return oidc.issuer === null || url === null ? null : new Oidc(oidc, url);
}
