import { Clients } from '../../config/network/client.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import { KeptReasoning } from '../../dialects/translate/kept-reasoning.js';
import { fleetShare, shareOf } from '../../limits/lease.js';
import { LeasedBudgets } from '../../limits/leased-budgets.js';
import { LeasedLimiter } from '../../limits/leased-limiter.js';
import { LeasedSlots } from '../../limits/leased-slots.js';
import type { Limiter } from '../../limits/limiter.js';
import { LocalLimiter } from '../../limits/local-limiter.js';
import { LocalSlots, type Slots } from '../../limits/slots.js';
import type { GatewayEvent } from '../../observe/event.js';
import { watchProcess } from '../../observe/process-status.js';
import { AnswerCache } from '../../policies/cache/answer-cache.js';
import { SharedAnswers } from '../../policies/cache/shared-answers.js';
import { Breakers } from '../../policies/guardrails/breakers.js';
import { AdminKeyCheck } from '../../proxy/access/admin-key-check.js';
import { compileOrigins } from '../../proxy/access/cors.js';
import { countWrongKeys } from '../../proxy/access/wrong-key.js';
import type { DaemonFacts, Gateway } from '../../proxy/gateway.js';
import { handleRequest } from '../../proxy/handle-request.js';
import { errorBodyAt } from '../../proxy/request/route.js';
import { TraceContexts } from '../../proxy/request/trace-context.js';
import { Resources } from '../../proxy/resources/resources.js';
import { Watchdog } from '../../proxy/watchdog.js';
import type { NextCredentials } from '../../routing/credential-table.js';
import { Balancers } from '../../routing/plan.js';
import { buildSnapshot, changeSnapshot } from '../../routing/snapshot.js';
import { strategies } from '../../routing/strategies/index.js';
import { ConnectionCap, type TotalCap } from '../../server/connection-cap.js';
import { selectEngine } from '../../server/engine.js';
import type { Server } from '../../server/exchange.js';
import { HeldBodies } from '../../server/held-bodies.js';
import { NetPool } from '../../upstream/client/net-pool.js';
import { Health } from '../../upstream/health.js';
import { ProviderLimits } from '../../upstream/provider-limits.js';
import { RetryBudget } from '../../upstream/retry-budget.js';
import { Upstreams } from '../../upstream/upstreams.js';
import type { Descriptors } from './descriptors.js';
import type { FromWorker, StartWorker, ToWorker } from './messages.js';
import { untilReplaced } from './orphan.js';
import { RequestBatch } from './packed-requests.js';

/**
 * A data-plane worker: the process that answers requests. Without its control process it keeps
 * serving its snapshot until another one appears, or for `server.orphan_grace_ms`; then it drains.
 *
 * States: waiting for `start` → serving (→ orphaned) → draining → exit.
 */

/**
 * Minimum time between two batches: a message for each turn of the event loop would cost 4 to 10 %
 * of a busy gateway's CPU.
 */
const eventBatchMs = 20;
const statusPeriodMs = 1_000;
const tellEveryMs = 60_000;

process.title = 'llmproxy worker';
// Ctrl-C reaches every process of the terminal; the control process says when to stop.
process.on('SIGINT', ignore);
process.on('SIGTERM', ignore);
process.on('SIGHUP', ignore);
// Tells orphaned workers that a new control process is serving.
process.on('SIGUSR2', () => replaced.abort());

const replaced = new AbortController();
/** Chat clients do not send reasoning back, so it is kept for the next turn of a tool call. */
const maxKeptReasoningBytes = 16_777_216;
const maxKeptReasoningMs = 3_600_000;
let keptReasoning: KeptReasoning | null = null;
/** The control process is local: it accepts at once, or hangs. */
const controlConnectMs = 10_000;
/** True while the control process has not yet taken over from the one that it replaces. */
let isOnTrial = false;
let server: Server | null = null;
let gateway: Gateway | null = null;
/** Those of the next configuration, of which pieces have come. */
let nextCredentials: NextCredentials | undefined;
let limiter: (Limiter & Partial<Pick<LeasedLimiter, 'granted' | 'ownerGone'>>) | null = null;
let quotas: LeasedLimiter | null = null;
let slots: (Slots & Partial<Pick<LeasedSlots, 'granted' | 'ownerGone'>>) | null = null;
const budgets = new LeasedBudgets((request) => send({ type: 'budget', request }));
let sharedAnswers: SharedAnswers | null = null;
/** Workers of this daemon. */
let workerCount = 1;
let waitOrphaned: () => Promise<void> = async () => {};
let graceMs = 30_000;
const requests = new RequestBatch();
let events: GatewayEvent[] = [];
let flushedMs = 0;

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'start':
      start(message).catch((error: Error) => {
        send({ type: 'failed', reason: error.message });
        process.exitCode = 1;
        process.disconnect();
      });
      break;
    case 'configuration':
      if (gateway) activate(gateway, message);
      break;
    case 'credentials':
      nextCredentials ??= gateway?.snapshot.credentials.next(message.teams);
      nextCredentials?.change(message.piece);
      send({ type: 'taken' });
      break;
    case 'lease':
      limiter?.granted?.(message.grant);
      break;
    case 'quota':
      quotas?.granted(message.grant);
      break;
    case 'resources':
      gateway?.resources.answered(message.ask, message.found);
      break;
    case 'ping':
      send({ type: 'pong', ping: message.ping });
      break;
    case 'slot':
      slots?.granted?.(message.grant);
      break;
    case 'budget':
      budgets.granted(message.grant);
      break;
    case 'cache':
      sharedAnswers?.replied(message.reply);
      break;
    case 'in_charge':
      isOnTrial = false;
      break;
    case 'freeze':
      limiter?.freeze();
      quotas?.freeze();
      break;
    case 'thaw':
      limiter?.thaw();
      quotas?.thaw();
      break;
    case 'ejection':
      gateway?.health.learn(message.ejection, Date.now());
      break;
    case 'provider_limits':
      for (const each of message.learned) gateway?.providerLimits.learned(each);
      break;
    case 'reasoning':
      keptReasoning?.learn(message.kept.toolCallId, message.kept.reasoning);
      break;
    case 'facts':
      if (gateway) learnFacts(gateway, message.facts);
      break;
    case 'tls':
      server?.renewTls?.(message.tls);
      break;
    case 'drain':
      drain();
      break;
  }
});
process.on('disconnect', orphaned);
// A message that fails because the control process is gone; `disconnect` follows.
process.on('error', ignore);
send({ type: 'loaded' });

async function start(message: StartWorker): Promise<void> {
  const { settings, configuration, hash, controlSocket } = message;
  graceMs = settings.server.grace_period_ms;
  isOnTrial = message.isOnTrial;
  workerCount = message.count;
  waitOrphaned = () =>
    untilReplaced({
      controlSocket,
      graceMs: isOnTrial ? 0 : settings.server.orphan_grace_ms,
      replaced: replaced.signal,
      onControl: (isThere) => {
        for (const each of [limiter, quotas]) isThere ? each?.freeze() : each?.thaw();
      },
    });
  limiter = openLimiter(message);
  quotas = openQuotas(message);
  slots = openSlots(message);
  const opened: Gateway = {
    settings,
    snapshot: buildSnapshot(configuration, hash),
    facts: message.facts,
    adminKey: new AdminKeyCheck(message.adminKeyHashes),
    clients: new Clients(settings.server),
    allowsOrigin: compileOrigins(settings.server.cors_origins),
    adminBodies: new HeldBodies(),
    wrongKeys: countWrongKeys(),
    balancers: new Balancers(strategies[settings.routing.strategy]),
    upstreams: new Upstreams(settings.upstream),
    health: new Health((ejection) => send({ type: 'ejection', ejection })),
    usageRefusers: new Set(),
    retryBudget: new RetryBudget(),
    providerLimits: new ProviderLimits(message.count * message.facts.fleet.size, (learned) =>
      send({ type: 'provider_limits', learned }),
    ),
    limiter,
    quotas,
    slots,
    budgets,
    seals: {
      key: Buffer.from(message.sealKey, 'base64'),
      kept: openKeptReasoning(message),
    },
    resources: new Resources({
      made: (resource) => send({ type: 'resource_made', resource }),
      ask: (ask, ids) => send({ type: 'find_resources', ask, ids }),
    }),
    traces:
      settings.traces.endpoint === null ? null : new TraceContexts(settings.traces.sample_ratio),
    cache: openCache(message),
    breakers: new Breakers(),
    watchdog: new Watchdog(),
    // Present from the start, so that the metric exists before the first request.
    active: new Map(modelEndpoints.slice(0, 1).map(({ pattern }) => [pattern, 0])),
    control: new NetPool({
      origin: 'http://control',
      socketPath: controlSocket,
      // Each follower of events holds one, and so does each reader without a key.
      maxConnections: 288,
      connectTimeoutMs: controlConnectMs,
    }),
    emit,
    draining: false,
  };
  gateway = opened;
  for (const ejection of message.ejections) opened.health.learn(ejection, Date.now());
  const engine = await selectEngine(settings.server.engine, (reason) =>
    emit({ type: 'engine_defect', reason }),
  );
  const measure = watchProcess();
  const isProxy = (address: string) => opened.clients.isProxy(address);
  server = await engine.listen({
    host: settings.server.host,
    port: settings.server.port,
    fd: message.listenFd,
    tls: message.tls,
    handler: (exchange) => void handleRequest(opened, exchange),
    errorBody: errorBodyAt,
    connectionCap: new ConnectionCap(
      settings.server.max_connections_per_address,
      isProxy,
      message.descriptors && descriptorCap(message.descriptors),
    ),
    ...(settings.server.proxy_protocol && { hasProxyHeader: isProxy }),
  });
  send({ type: 'listening', engine: engine.name });
  // The current hash, not the message's: a change may have arrived while the engine loaded.
  send({ type: 'active', hash: opened.snapshot.hash });
  setInterval(() => {
    const nowMs = Date.now();
    const providers = opened.health.statuses(nowMs);
    const providerLimits = opened.providerLimits.known(nowMs);
    const activeRequests = Object.fromEntries(opened.active);
    const cache = opened.cache.state;
    const status = { ...measure(), activeRequests, providers, providerLimits, cache };
    send({ type: 'status', status });
  }, statusPeriodMs).unref();
}

/** Refused connections are reported once a minute. */
function descriptorCap({ limit, maxClients: max }: Descriptors): TotalCap {
  let toldMs = Number.NEGATIVE_INFINITY;
  const onFull = () => {
    if (performance.now() - toldMs < tellEveryMs) return;
    toldMs = performance.now();
    emit({ type: 'descriptors_short', limit, connections: max });
  };
  return { max, onFull };
}

function openLimiter({ limiter: kind, slot, count }: StartWorker): Limiter {
  if (kind !== 'leased') return new LocalLimiter(kind === 'full');
  return new LeasedLimiter(
    (request) => send({ type: 'lease', request }),
    (rate, burst) => fleetShare(rate, burst, slot, count, fleetSize()),
  );
}

function openQuotas({ slot, count }: StartWorker): LeasedLimiter {
  return new LeasedLimiter(
    (request) => send({ type: 'quota', request }),
    (rate, burst) => fleetShare(rate, burst, slot, count, fleetSize()),
  );
}

function fleetSize(): number {
  return gateway?.facts.fleet.size ?? 1;
}

/** A client's next turn may reach another worker. */
function openKeptReasoning({ count }: StartWorker): KeptReasoning {
  const tellOthers: KeptReasoning['put'] = (toolCallId, reasoning) =>
    send({ type: 'reasoning', kept: { toolCallId, reasoning } });
  const bounds = [maxKeptReasoningBytes, maxKeptReasoningMs] as const;
  keptReasoning = new KeptReasoning(...bounds, count > 1 ? tellOthers : undefined);
  return keptReasoning;
}

/** Workers share the answers that one of them keeps. */
function openCache({ settings, sharesAnswers, configuration }: StartWorker): AnswerCache {
  if (sharesAnswers) {
    sharedAnswers = new SharedAnswers((request) => send({ type: 'cache', request }));
  }
  const cache = new AnswerCache(settings.cache, sharedAnswers);
  cache.purge(configuration.purges ?? []);
  return cache;
}

function openSlots({ limiter: kind, slot, count }: StartWorker): Slots {
  if (kind !== 'leased') return new LocalSlots();
  return new LeasedSlots(
    (request) => send({ type: 'slot', request }),
    (capacity) => {
      const { size, rank } = gateway?.facts.fleet ?? { size: 1, rank: 1 };
      return shareOf(shareOf(capacity, rank, size), slot, count);
    },
  );
}

/** The swap: one assignment. Requests that began before it keep the snapshot that they read. */
function activate(current: Gateway, { change, hash }: ToWorker & { type: 'configuration' }): void {
  current.snapshot = changeSnapshot(current.snapshot, change, hash, nextCredentials);
  nextCredentials = undefined;
  current.cache.purge(change.purges);
  current.upstreams.retain(current.snapshot.providers.map(({ wires }) => wires.connection));
  // A kill switch must not wait for the clock.
  if (current.snapshot.stops) current.watchdog.tick();
  send({ type: 'active', hash });
}

function learnFacts(current: Gateway, facts: Partial<DaemonFacts>): void {
  current.facts = { ...current.facts, ...facts };
  current.providerLimits.workers = workerCount * current.facts.fleet.size;
}

function orphaned(): void {
  if (!gateway || !server) process.exit(0);
  if (gateway.draining) return;
  limiter?.ownerGone?.();
  quotas?.ownerGone();
  slots?.ownerGone?.();
  budgets.ownerGone();
  sharedAnswers?.ownerGone();
  void waitOrphaned().then(drain);
}

function drain(): void {
  if (!gateway || !server) process.exit(0);
  if (gateway.draining) return;
  gateway.draining = true;
  gateway.limiter.freeze();
  gateway.quotas.freeze();
  setTimeout(() => {
    server?.close();
    finish();
  }, graceMs).unref();
  server.drain().then(finish);
}

/** Ends when the control process has the last events, or is gone. */
function finish(): void {
  if (!process.connected) process.exit(0);
  const last: FromWorker = { type: 'events', requests: requests.take(), events };
  process.send?.(last, undefined, undefined, () => process.exit(0));
}

function emit(event: GatewayEvent): void {
  if (events.length + requests.size === 0) scheduleFlush();
  if (event.type === 'request_finished') requests.add(event);
  else events.push(event);
}

/** A crash loses waiting events, so they wait only under load. */
function scheduleFlush(): void {
  if (performance.now() - flushedMs >= eventBatchMs) setImmediate(flush);
  else setTimeout(flush, eventBatchMs);
}

function flush(): void {
  flushedMs = performance.now();
  if (events.length + requests.size === 0) return;
  send({ type: 'events', requests: requests.take(), events });
  events = [];
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

function ignore(): void {}
