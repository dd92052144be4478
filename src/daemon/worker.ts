import cluster from 'node:cluster';
import { Pool } from 'undici';
import { LeasedLimiter } from '../limits/leased-limiter.js';
import { LeasedSlots } from '../limits/leased-slots.js';
import type { Limiter } from '../limits/limiter.js';
import { LocalLimiter } from '../limits/local-limiter.js';
import type { SlotGrant } from '../limits/slot-owner.js';
import { LocalSlots, type Slots } from '../limits/slots.js';
import type { GatewayEvent } from '../observe/event.js';
import type { Gateway } from '../proxy/gateway.js';
import { handleRequest } from '../proxy/handle-request.js';
import { Watchdog } from '../proxy/watchdog.js';
import { Balancers } from '../routing/plan.js';
import { buildSnapshot } from '../routing/snapshot.js';
import { strategies } from '../routing/strategies/index.js';
import { selectEngine } from '../server/engine.js';
import type { Server } from '../server/exchange.js';
import { Health } from '../upstream/health.js';
import { RetryBudget } from '../upstream/retry-budget.js';
import { Upstreams } from '../upstream/upstream.js';
import type { FromWorker, StartWorker, ToWorker } from './messages.js';
import { statusOfWorker } from './worker-status.js';

/**
 * A data-plane worker: the process that answers requests. It ends by itself when the control
 * process is gone, after what is in flight.
 *
 * States: waiting for `start` → serving → draining → exit.
 */

/** Events wait this long for others to be sent with. */
const eventBatchMs = 100;
const statusPeriodMs = 1_000;

process.title = 'llmproxy worker';
// Ctrl-C reaches every process of the terminal; the control process says when to stop.
process.on('SIGINT', ignore);
process.on('SIGTERM', ignore);
process.on('SIGHUP', ignore);

let server: Server | null = null;
let gateway: Gateway | null = null;
let limiter: (Limiter & Partial<Pick<LeasedLimiter, 'granted'>>) | null = null;
let grantSlot: (grant: SlotGrant) => void = ignore;
let graceMs = 30_000;
let events: GatewayEvent[] = [];

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
    case 'lease':
      limiter?.granted?.(message.grant);
      break;
    case 'ping':
      send({ type: 'pong', ping: message.ping });
      break;
    case 'slot':
      grantSlot(message.grant);
      break;
    case 'ejection':
      gateway?.health.learn(message.ejection, Date.now());
      break;
    case 'drain':
      drain();
      break;
  }
});
process.on('disconnect', drain);
// Otherwise node:cluster exits at once when the control process is gone, whatever is in flight.
if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
// A message that fails because the control process is gone; `disconnect` follows.
cluster.worker?.on('error', ignore);
send({ type: 'loaded' });

async function start(message: StartWorker): Promise<void> {
  const { settings, configuration, hash, controlSocket } = message;
  graceMs = settings.server.grace_period_ms;
  limiter = openLimiter(message.limiter);
  const opened: Gateway = {
    settings,
    snapshot: buildSnapshot(configuration, hash),
    balancers: new Balancers(strategies[settings.routing.strategy]),
    upstreams: new Upstreams(settings.upstream),
    health: new Health((ejection) => send({ type: 'ejection', ejection })),
    retryBudget: new RetryBudget(),
    limiter,
    slots: openSlots(message.limiter),
    watchdog: new Watchdog(),
    control: new Pool('http://control', { socketPath: controlSocket, connections: 16 }),
    emit,
    draining: false,
  };
  gateway = opened;
  for (const ejection of message.ejections) opened.health.learn(ejection, Date.now());
  const engine = await selectEngine(settings.server.engine, (reason) =>
    emit({ type: 'engine_fallback', reason }),
  );
  const status = statusOfWorker();
  server = await engine.listen({
    host: settings.server.host,
    port: settings.server.port,
    handler: status.counting((exchange) => handleRequest(opened, exchange)),
  });
  send({ type: 'listening', engine: engine.name });
  send({ type: 'active', hash });
  setInterval(() => send({ type: 'status', status: status.read() }), statusPeriodMs).unref();
}

function openLimiter(kind: StartWorker['limiter']): Limiter {
  if (kind === 'leased') return new LeasedLimiter((request) => send({ type: 'lease', request }));
  return new LocalLimiter(kind === 'full');
}

function openSlots(kind: StartWorker['limiter']): Slots {
  if (kind !== 'leased') return new LocalSlots();
  const leased = new LeasedSlots((request) => send({ type: 'slot', request }));
  grantSlot = (grant) => leased.granted(grant);
  return leased;
}

/** The swap: one assignment. Requests that began before it keep the snapshot that they read. */
function activate(
  current: Gateway,
  { configuration, hash }: ToWorker & { type: 'configuration' },
): void {
  current.snapshot = buildSnapshot(configuration, hash);
  current.upstreams.retain(configuration.providers.filter(({ is_enabled }) => is_enabled));
  send({ type: 'active', hash });
}

function drain(): void {
  if (!gateway || !server) process.exit(0);
  if (gateway.draining) return;
  gateway.draining = true;
  gateway.limiter.freeze();
  setTimeout(() => {
    server?.close();
    finish();
  }, graceMs).unref();
  server.drain().then(finish);
}

/** Ends when the control process has the last events, or is gone. */
function finish(): void {
  if (!process.connected) process.exit(0);
  const last: FromWorker = { type: 'events', events };
  process.send?.(last, undefined, undefined, () => process.exit(0));
}

function emit(event: GatewayEvent): void {
  if (events.length === 0) setTimeout(flush, eventBatchMs);
  events.push(event);
}

function flush(): void {
  if (events.length > 0) send({ type: 'events', events });
  events = [];
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

function ignore(): void {}
