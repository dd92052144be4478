import { Clients } from '../../config/network/client.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import { KeptReasoning } from '../../dialects/translate/kept-reasoning.js';
import type { Emit } from '../../observe/event.js';
import { AnswerCache } from '../../policies/cache/answer-cache.js';
import { SharedAnswers } from '../../policies/cache/shared-answers.js';
import { Backlog } from '../../policies/guardrails/backlog.js';
import { Breakers } from '../../policies/guardrails/breakers.js';
import { AdminKeyCheck } from '../../proxy/access/admin-key-check.js';
import { compileOrigins } from '../../proxy/access/cors.js';
import { countWrongKeys } from '../../proxy/access/wrong-key.js';
import type { Gateway } from '../../proxy/gateway.js';
import { TraceContexts } from '../../proxy/request/trace-context.js';
import { Resources } from '../../proxy/resources/resources.js';
import { LargeTranslations } from '../../proxy/translation/large-translations.js';
import { Watchdog } from '../../proxy/watchdog.js';
import { Balancers } from '../../routing/plan.js';
import { buildSnapshot } from '../../routing/snapshot.js';
import { strategies } from '../../routing/strategies/index.js';
import { HeldBodies } from '../../server/held-bodies.js';
import { NetPool } from '../../upstream/client/net-pool.js';
import { Health } from '../../upstream/health.js';
import { ProviderLimits } from '../../upstream/provider-limits.js';
import { RetryBudget } from '../../upstream/retry-budget.js';
import { Upstreams } from '../../upstream/upstreams.js';
import type { FromWorker, StartWorker } from './messages.js';
import { WorkerLimits } from './worker-limits.js';

/** Chat clients do not send reasoning back, so it is kept for the next turn of a tool call. */
const maxKeptReasoningBytes = 16_777_216;
const maxKeptReasoningMs = 3_600_000;
const translationThread = new URL('../../proxy/translation/translation-thread.js', import.meta.url);
/** The control process is local: it accepts at once, or hangs. */
const controlConnectMs = 10_000;

/** A gateway, and the parts of it that messages of the control process reach. */
export interface OpenedGateway {
  gateway: Gateway;
  limits: WorkerLimits;
  keptReasoning: KeptReasoning;
}

/**
 * Opens the state that the requests of a worker share.
 * @param send passes a message to the control process.
 */
export function openGateway(
  message: StartWorker,
  send: (message: FromWorker) => void,
  emit: Emit,
): OpenedGateway {
  const { settings, configuration, hash, count, facts } = message;
  const { server, traces } = settings;
  const limits = new WorkerLimits(message, send, () => gateway.facts.fleet);
  const keptReasoning = openKeptReasoning(count, send);
  const seals = { key: Buffer.from(message.sealKey, 'base64'), kept: keptReasoning };
  const gateway: Gateway = {
    settings,
    snapshot: buildSnapshot(configuration, hash),
    facts,
    adminKey: new AdminKeyCheck(message.adminKeyHashes),
    clients: new Clients(server),
    allowsOrigin: compileOrigins(server.cors_origins),
    adminBodies: new HeldBodies(),
    wrongKeys: countWrongKeys(),
    balancers: new Balancers(strategies[settings.routing.strategy]),
    upstreams: new Upstreams(settings.upstream),
    health: new Health((ejection) => send({ type: 'ejection', ejection })),
    usageRefusers: new Set(),
    retryBudget: new RetryBudget(),
    providerLimits: new ProviderLimits(count * facts.fleet.size, (learned) =>
      send({ type: 'provider_limits', learned }),
    ),
    limiter: limits.limiter,
    quotas: limits.quotas,
    slots: limits.slots,
    budgets: limits.budgets,
    seals,
    translations: new LargeTranslations(translationThread, seals),
    resources: new Resources({
      made: (resource) => send({ type: 'resource_made', resource }),
      ask: (ask, ids) => send({ type: 'find_resources', ask, ids }),
    }),
    traces: traces.endpoint === null ? null : new TraceContexts(traces.sample_ratio),
    cache: openCache(message, send),
    breakers: new Breakers(),
    backlog: new Backlog(),
    unrecorded: new Set(),
    watchdog: new Watchdog(),
    // Present from the start, so that the metric exists before the first request.
    active: new Map(modelEndpoints.slice(0, 1).map(({ pattern }) => [pattern, 0])),
    control: new NetPool({
      origin: 'http://control',
      socketPath: message.controlSocket,
      // Each follower of events holds one, and so does each reader without a key.
      maxConnections: 288,
      connectTimeoutMs: controlConnectMs,
    }),
    emit,
    draining: false,
  };
  for (const ejection of message.ejections) gateway.health.learn(ejection, Date.now());
  return { gateway, limits, keptReasoning };
}

/** A client's next turn may reach another worker. */
function openKeptReasoning(count: number, send: (message: FromWorker) => void): KeptReasoning {
  const tellOthers: KeptReasoning['put'] = (toolCallId, reasoning) =>
    send({ type: 'reasoning', kept: { toolCallId, reasoning } });
  const bounds = [maxKeptReasoningBytes, maxKeptReasoningMs] as const;
  return new KeptReasoning(...bounds, count > 1 ? tellOthers : undefined);
}

/** Workers share the answers that one of them keeps. */
function openCache(
  { settings, sharesAnswers, configuration }: StartWorker,
  send: (message: FromWorker) => void,
): AnswerCache {
  const shared = sharesAnswers
    ? new SharedAnswers((request) => send({ type: 'cache', request }))
    : null;
  const cache = new AnswerCache(settings.cache, shared);
  cache.purge(configuration.purges ?? []);
  return cache;
}
