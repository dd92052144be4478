import Bottleneck from 'bottleneck';
import type { Configuration, Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { type Connection, compileWires } from '../../routing/wire.js';
import { Upstreams } from '../../upstream/upstreams.js';
import { notAsked, type Probe, probe } from './probe.js';
import { checkProvider, type ProviderHealth } from './provider-health.js';

/** Concurrent probes per provider when all are tested. */
const maxConcurrentOfProvider = 2;
/** Limit for all providers together; models not tested by then are reported as unknown. */
const allTimeoutMs = 60_000;
/** Limit for one provider; shorter than a worker's wait for the control process. */
const oneTimeoutMs = 240_000;
/** Connections for probes to one provider. */
const maxConnections = 16;

export interface DetailedHealth {
  status: 'healthy' | 'degraded' | 'unhealthy';
  checked_at: string;
  providers: ProviderHealth[];
  total_providers: number;
  healthy_providers: number;
  unhealthy_providers: number;
}

export interface CheckOptions {
  /** Clients' names; null or none: those in the mapping. */
  models: readonly string[] | null;
  maxConcurrent: number;
  /** Limit for each probe. */
  timeoutMs: number;
}

/** The scope of a test: reachability of each provider, or each model in its mapping. */
export type Scope = 'providers' | 'models';

interface Test {
  health: Promise<DetailedHealth>;
  hash: string;
  untilMs: number;
}

/** Probes providers for the control plane, on connections of its own. */
export class HealthChecks {
  readonly #settings: Settings['health'];
  readonly #upstreams: Upstreams;
  readonly #all: Bottleneck;
  readonly #stop = new AbortController();
  readonly #last = new Map<Scope, Test>();

  constructor({ health, upstream }: Settings) {
    this.#settings = health;
    this.#upstreams = new Upstreams({ ...upstream, max_connections_per_provider: maxConnections });
    this.#all = new Bottleneck({ maxConcurrent: health.max_concurrent_probes });
  }

  /**
   * Tests all enabled providers. Calls during a test or soon after it share its result.
   * @param hash the configuration's hash; a new one starts a new test.
   */
  all({ providers }: Configuration, hash: string, scope: Scope): Promise<DetailedHealth> {
    const known = this.#last.get(scope);
    if (known?.hash === hash && known.untilMs > performance.now()) return known.health;
    const enabled = providers.filter(({ is_enabled }) => is_enabled);
    const health = this.#checkAll(enabled, scope === 'models' ? null : []);
    const last = { health, hash, untilMs: Number.POSITIVE_INFINITY };
    this.#last.set(scope, last);
    const expire = () => {
      last.untilMs = performance.now() + this.#settings.detailed_cache_ms;
    };
    health.then(expire, expire);
    return health;
  }

  /** Tests one provider; a failure includes the provider's own message. */
  one(provider: Provider, options: CheckOptions): Promise<ProviderHealth> {
    const turns = new Bottleneck({ maxConcurrent: options.maxConcurrent });
    const untilMs = performance.now() + oneTimeoutMs;
    return checkProvider(
      provider,
      options.models?.length ? options.models : null,
      (model) => this.#inTurn(turns, untilMs, provider, model, options.timeoutMs),
      true,
    );
  }

  /** Sends one probe at once, for background probes. */
  probe(provider: Provider, model: string | null): Promise<Probe> {
    const { probe_timeout_ms: timeoutMs } = this.#settings;
    return probe(this.#upstreams, provider, model, { timeoutMs, signal: this.#stop.signal });
  }

  /** Closes the connections to providers that are gone. */
  configured({ providers }: Configuration): void {
    this.#upstreams.retain(connectionsTo(providers));
  }

  /** Aborts running tests. */
  close(): void {
    this.#stop.abort();
    this.#upstreams.retain([]);
  }

  async #checkAll(
    providers: readonly Provider[],
    models: readonly string[] | null,
  ): Promise<DetailedHealth> {
    const untilMs = performance.now() + allTimeoutMs;
    const { probe_timeout_ms: timeoutMs } = this.#settings;
    const checked: ProviderHealth[] = [];
    const check = async (provider: Provider): Promise<ProviderHealth> => {
      const turns = new Bottleneck({ maxConcurrent: maxConcurrentOfProvider }).chain(this.#all);
      const inTurn = (model: string | null) =>
        this.#inTurn(turns, untilMs, provider, model, timeoutMs);
      return await checkProvider(provider, models, inTurn, false);
    };
    // Thousands of providers must not be put in line at once: that alone would take a second.
    const entries = providers.entries();
    const checkNext = async () => {
      for (const [place, provider] of entries) checked[place] = await check(provider);
    };
    await Promise.all(Array.from({ length: this.#settings.max_concurrent_probes }, checkNext));
    const count = (status: Probe['status']) =>
      checked.filter((one) => one.status === status).length;
    return {
      status: overall(count('healthy'), checked.length),
      checked_at: new Date().toISOString(),
      providers: checked,
      total_providers: checked.length,
      healthy_providers: count('healthy'),
      unhealthy_providers: count('unhealthy'),
    };
  }

  #inTurn(
    turns: Bottleneck,
    untilMs: number,
    provider: Provider,
    model: string | null,
    timeoutMs: number,
  ): Promise<Probe> {
    return turns.schedule(async () => {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return notAsked;
      const bounds = { timeoutMs: Math.min(timeoutMs, leftMs), signal: this.#stop.signal };
      return probe(this.#upstreams, provider, model, bounds);
    });
  }
}

/** Compiled only where connections are open. */
function* connectionsTo(providers: readonly Provider[]): Generator<Connection> {
  for (const provider of providers) {
    if (provider.is_enabled) yield compileWires(provider).connection;
  }
}

function overall(healthy: number, total: number): DetailedHealth['status'] {
  if (healthy === 0) return 'unhealthy';
  return healthy === total ? 'healthy' : 'degraded';
}
