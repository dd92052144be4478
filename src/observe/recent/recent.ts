import type { TokenUsage } from '../../dialects/usage.js';
import type { Emit } from '../event.js';
import type { Charge, RequestFinished } from '../request-event.js';
import { createTraffic, type TrafficSummary } from './traffic.js';

/** A finished request and its tokens, without the texts of client and model. */
export interface RecentRequest {
  event: RequestFinished;
  tokens: (TokenUsage & { source: 'provider' | 'estimated' }) | null;
  charge: Charge | null;
}

/** Recent events, only in the control process's memory. */
export interface Recent {
  emit: Emit;
  /** The newest request with this id; null where it is not remembered. */
  request(id: string): RecentRequest | null;
  /** Number of remembered requests of a key that began within the second before `untilMs`. */
  requestsOf(credentialName: string, untilMs: number): number;
  /** True where a provider was ejected at that time; null where that is not remembered. */
  wasEjected(provider: string, model: string, atMs: number): boolean | null;
  traffic(): TrafficSummary;
}

const maxRequests = 10_000;
/** The APIs of the data plane. */
const ofClients = /^\/v\d/;
/** Clients may send a name of any length. */
const maxModelLength = 200;
const maxEjections = 1_000;

interface Remembered {
  event: RequestFinished;
  /** Counted here because the provider reported no usage. */
  estimate: TokenUsage | null;
  charge: Charge | null;
}

interface Ejected {
  provider: string;
  /** The name sent to the provider; null: all models. */
  model: string | null;
  fromMs: number;
  /** Expected or actual end; a failed trial extends it. */
  untilMs: number;
}

/** @param now wall clock, milliseconds. */
export function createRecent(now: () => number = Date.now): Recent {
  const sinceMs = now();
  // A ring with the oldest at `next`. Lookups are rare; maintaining a Map would cost more than all
  // other work on a request here.
  const requests: Remembered[] = [];
  let next = 0;
  const traffic = createTraffic();
  const ejections: Ejected[] = [];
  let forgottenUntilMs = sinceMs;

  const remember = (event: RequestFinished) => {
    const { model } = event;
    const isLong = model !== null && model.length > maxModelLength;
    const kept = isLong ? { ...event, model: model.slice(0, maxModelLength) } : event;
    const place = requests[next];
    if (place) {
      place.event = kept;
      place.estimate = null;
      place.charge = null;
    } else requests[next] = { event: kept, estimate: null, charge: null };
    next = (next + 1) % maxRequests;
  };

  const newest = (id: string): Remembered | null => {
    for (let age = 1; age <= requests.length; age++) {
      const request = requests[(next - age + requests.length) % requests.length];
      if (request?.event.requestId === id) return request;
    }
    return null;
  };

  return {
    emit(event) {
      switch (event.type) {
        case 'request_finished': {
          // Requests to the gateway itself would push out those of clients.
          if (!ofClients.test(event.endpoint)) return;
          remember(event);
          traffic.add(event, now());
          const { usage } = event;
          if (usage) traffic.addTokens(event, usage.promptTokens + usage.completionTokens, now());
          break;
        }
        case 'usage_counted': {
          if (event.source === 'provider') return;
          const request = newest(event.requestId);
          if (!request || request.event.usage || request.estimate) return;
          const { usage } = event;
          request.estimate = usage;
          traffic.addTokens(request.event, usage.promptTokens + usage.completionTokens, now());
          break;
        }
        case 'request_charged': {
          const request = event.charge && newest(event.requestId);
          if (request) request.charge ??= event.charge;
          break;
        }
        case 'provider_ejected': {
          const fromMs = now();
          const { provider, model, forMs } = event;
          ejections.push({ provider, model, fromMs, untilMs: fromMs + forMs });
          if (ejections.length > maxEjections) {
            forgottenUntilMs = ejections.shift()?.untilMs ?? forgottenUntilMs;
          }
          break;
        }
        case 'provider_recovered':
          for (const ejected of ejections) {
            if (ejected.provider !== event.provider || ejected.model !== event.model) continue;
            ejected.untilMs = Math.min(ejected.untilMs, now());
          }
          break;
      }
    },
    request(id) {
      const found = newest(id);
      return found && { event: found.event, tokens: tokensOf(found), charge: found.charge };
    },
    requestsOf(credentialName, untilMs) {
      let count = 0;
      for (const { event } of requests) {
        const { credential, startedAt } = event;
        if (credential?.name !== credentialName) continue;
        if (startedAt > untilMs - 1_000 && startedAt <= untilMs) count++;
      }
      return count;
    },
    wasEjected(provider, model, atMs) {
      if (atMs < forgottenUntilMs) return null;
      return ejections.some(
        (one) =>
          one.provider === provider &&
          (one.model === null || one.model === model) &&
          one.fromMs <= atMs &&
          atMs < one.untilMs,
      );
    },
    traffic: () => traffic.summary(now()),
  };
}

function tokensOf({ event, estimate }: Remembered): RecentRequest['tokens'] {
  if (event.usage) return { ...event.usage, source: 'provider' };
  return estimate && { ...estimate, source: 'estimated' };
}
