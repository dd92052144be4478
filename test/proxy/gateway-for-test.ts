import { type IncomingHttpHeaders, request } from 'node:http';
import type { TestContext } from 'node:test';
import type { Provider } from '../../src/config/configuration.js';
import { Clients } from '../../src/config/network/client.js';
import { resolveSettings, type Settings } from '../../src/config/settings/settings.js';
import { LeaseOwner } from '../../src/limits/lease-owner.js';
import { LeasedBudgets } from '../../src/limits/leased-budgets.js';
import { LeasedLimiter } from '../../src/limits/leased-limiter.js';
import { LocalLimiter } from '../../src/limits/local-limiter.js';
import { LocalSlots } from '../../src/limits/slots.js';
import type { GatewayEvent } from '../../src/observe/event.js';
import type { RequestFinished } from '../../src/observe/request-event.js';
import { AnswerCache } from '../../src/policies/cache/answer-cache.js';
import { Backlog } from '../../src/policies/guardrails/backlog.js';
import { Breakers } from '../../src/policies/guardrails/breakers.js';
import { AdminKeyCheck } from '../../src/proxy/access/admin-key-check.js';
import { countWrongKeys } from '../../src/proxy/access/wrong-key.js';
import type { Gateway } from '../../src/proxy/gateway.js';
import { handleRequest } from '../../src/proxy/handle-request.js';
import { Resources } from '../../src/proxy/resources/resources.js';
import { LargeTranslations } from '../../src/proxy/translation/large-translations.js';
import { Watchdog } from '../../src/proxy/watchdog.js';
import { Balancers } from '../../src/routing/plan.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { strategies } from '../../src/routing/strategies/index.js';
import type { Engine } from '../../src/server/exchange.js';
import { HeldBodies } from '../../src/server/held-bodies.js';
import { nodeEngine } from '../../src/server/node.js';
import { NetPool } from '../../src/upstream/client/net-pool.js';
import { Health } from '../../src/upstream/health.js';
import { ProviderLimits } from '../../src/upstream/provider-limits.js';
import { RetryBudget } from '../../src/upstream/retry-budget.js';
import { Upstreams } from '../../src/upstream/upstreams.js';
import { configuration, credential } from '../config/configuration-for-test.js';

const translationThread = new URL(
  '../../src/proxy/translation/translation-thread.js',
  import.meta.url,
);

/** The settings' defaults, with `auth: off`, and some changed. */
export function settingsForTest(change: (settings: Settings) => void = () => {}): Settings {
  const settings = structuredClone(resolveSettings({}, '/').settings);
  settings.auth = 'off';
  Object.assign(settings.upstream, { https_proxy: null, http_proxy: null });
  change(settings);
  return settings;
}

/** A worker's gateway without its process; the providers' connections are closed with the test. */
export function gatewayForTest(
  t: TestContext,
  providers: Provider[],
  change?: (settings: Settings) => void,
): Gateway & { events: GatewayEvent[] } {
  const settings = settingsForTest(change);
  const upstreams = new Upstreams(settings.upstream);
  const control = new NetPool({
    origin: 'http://127.0.0.1:1',
    maxConnections: 1,
    connectTimeoutMs: 1_000,
  });
  t.after(() => {
    upstreams.retain([]);
    control.destroy();
  });
  const events: GatewayEvent[] = [];
  const seals = { key: Buffer.alloc(32, 1), kept: null };
  return {
    settings,
    snapshot: buildSnapshot(configuration(providers, [credential('sk-test')]), 'hash'),
    facts: {
      version: '1',
      tag: 'tag',
      startedAt: 0,
      configVersion: 1,
      database: 'up',
      discovered: [],
      fleet: { size: 1, rank: 1, cutOff: 0, gone: 0, behind: 0, versions: 1 },
    },
    adminKey: new AdminKeyCheck([]),
    clients: new Clients(settings.server),
    allowsOrigin: null,
    adminBodies: new HeldBodies(),
    wrongKeys: countWrongKeys(),
    balancers: new Balancers(strategies[settings.routing.strategy]),
    upstreams,
    health: new Health(() => {}),
    usageRefusers: new Set(),
    retryBudget: new RetryBudget(),
    providerLimits: new ProviderLimits(),
    limiter: new LocalLimiter(true),
    quotas: ownQuotas(),
    slots: new LocalSlots(),
    budgets: new LeasedBudgets(() => {}),
    seals,
    translations: new LargeTranslations(translationThread, seals),
    resources: ownResources(),
    traces: null,
    cache: new AnswerCache(settings.cache, null),
    breakers: new Breakers(),
    backlog: new Backlog(),
    unrecorded: new Set(),
    watchdog: new Watchdog(),
    active: new Map(),
    control,
    emit: (event) => events.push(event),
    draining: false,
    events,
  };
}

/** Limits with an owner in this process that answers one turn later. */
export function ownQuotas(owner = new LeaseOwner()): LeasedLimiter {
  const limiter = new LeasedLimiter((request) => {
    const grant = owner.handle(1, request, performance.now());
    if (request.want > 0) setImmediate(() => limiter.granted(grant));
  });
  return limiter;
}

/** Serves this gateway on an engine and returns its origin. */
export async function serveGateway(
  t: TestContext,
  gateway: Gateway,
  engine: Engine = nodeEngine,
): Promise<string> {
  const handler = (exchange: Parameters<typeof handleRequest>[1]) =>
    void handleRequest(gateway, exchange);
  const server = await engine.listen({ host: '127.0.0.1', port: 0, handler });
  t.after(() => server.close());
  return `http://127.0.0.1:${server.port}`;
}

export interface ChatAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** True if the answer's framing was complete. */
  whole: boolean;
}

/** A chat request with this body, on a connection of its own. */
export function chat(origin: string, body: object = { model: 'm' }): Promise<ChatAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${origin}/v1/chat/completions`,
      { method: 'POST', agent: false },
      (response) => {
        let text = '';
        const { statusCode: status = 0, headers } = response;
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', () => {});
        response.on('close', () => resolve({ status, headers, text, whole: response.complete }));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** The records of the requests that are over. */
export function recordsOf({ events }: { events: GatewayEvent[] }): RequestFinished[] {
  return events.filter((event) => event.type === 'request_finished');
}

/** Resources of which nobody else has made any. */
function ownResources(): Resources {
  const resources: Resources = new Resources({
    made: () => {},
    ask: (ask, ids) => {
      setImmediate(() =>
        resources.answered(
          ask,
          ids.map(() => null),
        ),
      );
    },
  });
  return resources;
}
