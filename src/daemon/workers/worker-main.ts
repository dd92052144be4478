import type { GatewayEvent } from '../../observe/event.js';
import { RequestBatch } from '../../observe/packed-requests.js';
import { watchProcess } from '../../observe/process-status.js';
import type { DaemonFacts, Gateway } from '../../proxy/gateway.js';
import { handleRequest } from '../../proxy/handle-request.js';
import { errorBodyAt } from '../../proxy/request/route.js';
import type { NextCredentials } from '../../routing/credential-table.js';
import { changeSnapshot } from '../../routing/snapshot.js';
import { ConnectionCap, type TotalCap } from '../../server/connection-cap.js';
import { selectEngine } from '../../server/engine.js';
import type { Server } from '../../server/exchange.js';
import type { Descriptors } from './descriptors.js';
import type { FromWorker, StartWorker, ToWorker } from './messages.js';
import { type OpenedGateway, openGateway } from './open-gateway.js';
import { untilReplaced } from './orphan.js';
import { unpackChange } from './packed-credentials.js';

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
/** Requests in the memory of an orphan. */
const keptRequests = 200;
const statusPeriodMs = 1_000;
const tellEveryMs = 60_000;

process.title = 'llmproxy worker';
// Ctrl-C reaches every process of the terminal; the control process says when to stop.
process.on('SIGINT', ignore);
process.on('SIGTERM', ignore);
process.on('SIGHUP', ignore);
// Node would open its debugger, by which every user of the machine could read all secrets.
process.on('SIGUSR1', ignore);
// Tells orphaned workers that a new control process is serving.
process.on('SIGUSR2', () => replaced.abort());

const replaced = new AbortController();
/** True while the control process has not yet taken over from the one that it replaces. */
let isOnTrial = false;
let server: Server | null = null;
let opened: OpenedGateway | null = null;
/** Credentials of the next configuration, which arrive in pieces before it. */
let nextCredentials: NextCredentials | undefined;
/** A configuration has been activated. */
let onActivated = ignore;
/** Workers of this daemon. */
let workerCount = 1;
let controlSocket = '';
let waitOrphaned: () => Promise<void> = async () => {};
let graceMs = 30_000;
const requests = new RequestBatch();
let leaving: Promise<void> = Promise.resolve();
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
      if (opened) activate(opened.gateway, message);
      break;
    case 'credentials':
      nextCredentials ??= opened?.gateway.snapshot.credentials.next(message.teams);
      nextCredentials?.change(unpackChange(message.piece));
      send({ type: 'taken' });
      break;
    case 'lease':
    case 'quota':
    case 'slot':
    case 'budget':
      opened?.limits.granted(message);
      break;
    case 'resources':
      opened?.gateway.resources.answered(message.ask, message.found);
      break;
    case 'ping':
      send({ type: 'pong', ping: message.ping });
      break;
    case 'cache':
      opened?.gateway.cache.shared?.replied(message.reply);
      break;
    case 'in_charge':
      isOnTrial = false;
      break;
    case 'freeze':
      opened?.limits.freeze();
      break;
    case 'thaw':
      opened?.limits.thaw();
      break;
    case 'ejection':
      opened?.gateway.health.learn(message.ejection, Date.now());
      break;
    case 'provider_limits':
      for (const each of message.learned) opened?.gateway.providerLimits.learned(each);
      break;
    case 'reasoning':
      opened?.keptReasoning.learn(message.kept.toolCallId, message.kept.reasoning);
      break;
    case 'facts':
      if (opened) learnFacts(opened.gateway, message.facts);
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
  const { settings } = message;
  controlSocket = message.controlSocket;
  graceMs = settings.server.grace_period_ms;
  isOnTrial = message.isOnTrial;
  workerCount = message.count;
  waitOrphaned = () =>
    untilReplaced({
      controlSocket,
      graceMs: isOnTrial ? 0 : settings.server.orphan_grace_ms,
      replaced: replaced.signal,
      onControl: (isThere) => {
        isThere ? opened?.limits.freeze() : opened?.limits.thaw();
      },
    });
  opened = openGateway(message, send, emit);
  const { gateway } = opened;
  const isWhole =
    message.isPartial &&
    new Promise<void>((resolve) => {
      onActivated = resolve;
    });
  const engine = await selectEngine(settings.server.engine, (reason) =>
    emit({ type: 'engine_defect', reason }),
  );
  await isWhole;
  const measure = watchProcess();
  const isProxy = (address: string) => gateway.clients.isProxy(address);
  server = await engine.listen({
    host: settings.server.host,
    port: settings.server.port,
    fd: message.listenFd,
    tls: message.tls,
    handler: (exchange) => void handleRequest(gateway, exchange),
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
  send({ type: 'active', hash: gateway.snapshot.hash });
  setInterval(() => {
    const nowMs = Date.now();
    const providers = gateway.health.statuses(nowMs);
    const providerLimits = gateway.providerLimits.known(nowMs);
    const activeRequests = Object.fromEntries(gateway.active);
    const cache = gateway.cache.state;
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

/** The swap: one assignment. Requests that began before it keep the snapshot that they read. */
function activate(current: Gateway, { change, hash }: ToWorker & { type: 'configuration' }): void {
  const { providers } = current.snapshot;
  current.snapshot = changeSnapshot(current.snapshot, change, hash, nextCredentials);
  nextCredentials = undefined;
  current.cache.purge(change.purges);
  if (current.snapshot.providers !== providers) {
    current.upstreams.retain(current.snapshot.providers.map(({ wires }) => wires.connection));
  }
  // A kill switch must not wait for the clock.
  if (current.snapshot.stops) current.watchdog.tick();
  onActivated();
  // Before it listens, it uses none.
  if (server) send({ type: 'active', hash });
}

function learnFacts(current: Gateway, facts: Partial<DaemonFacts>): void {
  current.facts = { ...current.facts, ...facts };
  current.providerLimits.workers = workerCount * current.facts.fleet.size;
}

function orphaned(): void {
  if (!opened || !server) process.exit(0);
  const { gateway, limits } = opened;
  if (gateway.draining) return;
  limits.ownerGone();
  gateway.cache.shared?.ownerGone();
  void waitOrphaned().then(drain);
}

function drain(): void {
  if (!opened || !server) process.exit(0);
  const { gateway, limits } = opened;
  if (gateway.draining) return;
  gateway.draining = true;
  limits.freeze();
  setTimeout(() => {
    server?.close();
    finish();
  }, graceMs).unref();
  server
    .drain()
    .then(() => Promise.all(gateway.unrecorded))
    .then(finish);
}

/** Ends when the control process has the last events, or is gone. */
function finish(): void {
  if (!process.connected) {
    void leave().finally(() => process.exit(0));
    return;
  }
  opened?.limits.close();
  const last: FromWorker = { type: 'events', requests: requests.take(), events };
  process.send?.(last, undefined, undefined, () => process.exit(0));
}

function emit(event: GatewayEvent): void {
  if (!process.connected) {
    keep(event);
    return;
  }
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
  if (events.length + requests.size === 0 || !process.connected) return;
  send({ type: 'events', requests: requests.take(), events });
  events = [];
}

/** An orphan keeps its requests for the next control process. */
function keep(event: GatewayEvent): void {
  if (event.type !== 'request_finished') return;
  requests.add(event);
  if (requests.size >= keptRequests) void leave();
}

/** Loaded only here: a worker that serves touches no disk. */
function leave(): Promise<void> {
  if (requests.size === 0) return leaving;
  const packed = structuredClone(requests.take());
  leaving = leaving.then(async () => {
    const { leaveRequests } = await import('./orphaned-requests.js');
    await leaveRequests(controlSocket, packed);
  });
  return leaving;
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

function ignore(): void {}
