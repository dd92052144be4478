import { GatewayError } from '../../errors.js';
import type { Claim } from '../../limits/fair-queue.js';
import { gatewaySlots, type Release } from '../../limits/slots.js';
import { counted } from '../../observe/counted.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';

/** A request that may have to wait for its turn. */
export interface Claimant {
  readonly claim: Claim;
  /** Estimated tokens of its prompt. */
  readonly tokens: number;
  /** Called after a wait. @param provider null: for the gateway. @param fromMs monotonic. */
  waited(provider: string | null, fromMs: number): void;
  /** The session's place among all sessions; null or absent: it prefers no provider. */
  readonly sessionPlace?: number | null;
  /** Its client; absent: none that can leave. */
  readonly client?: Leaver;
}

/** A client that may leave while its request waits. */
export type Leaver = Partial<Pick<Exchange, 'aborted' | 'onAbort'>>;

/**
 * Admits a request: refuses it while this worker's event loop lags, or when the cap on requests in
 * flight is reached and the queue gives no turn.
 * @returns to be called when the request is over.
 * @throws GatewayError `overloaded`.
 */
export function admit(gateway: Gateway, claimant: Claimant): Release | Promise<Release> {
  const { max_concurrency: capacity, max_event_loop_delay_ms } = gateway.settings.limits;
  if (gateway.watchdog.loopDelayMs > max_event_loop_delay_ms) {
    throw overloaded('The gateway is overloaded.', 1);
  }
  if (capacity === null) return nothing;
  return waitForSlot(gateway, gatewaySlots, capacity, 'The gateway', claimant);
}

/**
 * Waits for a slot in the bounded queue.
 * @param name what is at its cap, for the message.
 * @throws GatewayError `overloaded`: at once when the queue is full, else when no slot became free
 *   in time; AbortedError when the client left.
 */
export async function waitForSlot(
  { slots, settings, health }: Gateway,
  key: string,
  capacity: number,
  name: string,
  claimant: Claimant,
): Promise<Release> {
  const { max_queue, queue_timeout_ms } = settings.limits;
  const free = await slots.tryAcquire(key, capacity);
  if (free) return free;
  const { claim, client } = claimant;
  const fromMs = performance.now();
  const hasRoom = slots.waiting < max_queue || slots.giveWay(key, claim.team);
  const onWait = (leave: () => void) => client?.onAbort?.(leave);
  const release = hasRoom
    ? await slots.acquire(key, capacity, queue_timeout_ms, claim, onWait)
    : null;
  claimant.waited(key === gatewaySlots ? null : key, fromMs);
  if (release) return release;
  if (client?.aborted) throw new AbortedError();
  const drainMs = ((slots.waiting + 1) / capacity) * health.latencyMs(key);
  throw overloaded(
    `${name} has ${counted(capacity, 'request')} under way, as many as it takes at once.`,
    Math.max(1, Math.ceil(drainMs / 1000)),
  );
}

function overloaded(message: string, retryAfterSeconds: number): GatewayError {
  return new GatewayError('overloaded', message, {
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}

function nothing(): void {}
