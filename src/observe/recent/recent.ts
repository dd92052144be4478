import type { Emit } from '../event.js';
import type { RequestFinished } from '../request-event.js';
import { type RecentRequest, RememberedRequests } from './remembered-requests.js';
import { createTraffic, type TrafficSummary } from './traffic.js';

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

/** The APIs of the data plane. */
const ofClients = /^\/v\d/;
/** Clients may send a name of any length. */
const maxModelLength = 200;
const maxEjections = 1_000;

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
  const requests = new RememberedRequests();
  const traffic = createTraffic();
  const ejections: Ejected[] = [];
  let forgottenUntilMs = sinceMs;

  return {
    emit(event) {
      switch (event.type) {
        case 'request_finished': {
          // Requests to the gateway itself would push out those of clients.
          if (!ofClients.test(event.endpoint)) return;
          requests.add(shortened(event));
          traffic.add(event, now());
          const { usage } = event;
          if (usage) traffic.addTokens(event, usage.promptTokens + usage.completionTokens, now());
          break;
        }
        case 'usage_counted': {
          if (event.source === 'provider') return;
          const { requestId, usage } = event;
          const request = requests.find(requestId);
          if (!request || request.tokens) return;
          requests.estimated(requestId, usage);
          traffic.addTokens(request.event, usage.promptTokens + usage.completionTokens, now());
          break;
        }
        case 'request_charged': {
          if (event.charge) requests.charged(event.requestId, event.charge);
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
    request: (id) => requests.find(id),
    requestsOf: (credentialName, untilMs) =>
      requests
        .startedWithin(untilMs - 1_000, untilMs)
        .filter(({ credential }) => credential?.name === credentialName).length,
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

/** The event with a name of the model that is not too long. */
function shortened(event: RequestFinished): RequestFinished {
  const { model } = event;
  if (model === null || model.length <= maxModelLength) return event;
  return { ...event, model: model.slice(0, maxModelLength) };
}
