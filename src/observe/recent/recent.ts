import type { TokenUsage } from '../../dialects/usage.js';
import type { Emit, RequestFinished } from '../event.js';
import { createTraffic, type TrafficSummary } from './traffic.js';

/** A finished request, without what its client and the model wrote, and its tokens. */
export interface RecentRequest {
  event: RequestFinished;
  tokens: (TokenUsage & { source: 'provider' | 'estimated' }) | null;
}

/** What has happened lately, in the control process's memory; nothing of it is stored. */
export interface Recent {
  emit: Emit;
  /** The newest request of this id; null where it is not, or no longer, remembered. */
  request(id: string): RecentRequest | null;
  /** How many requests of a key began within this second and were remembered. */
  requestsOf(credentialName: string, untilMs: number): number;
  /** Whether a provider was taken out then; null where that is not remembered. */
  wasEjected(provider: string, atMs: number): boolean | null;
  traffic(): TrafficSummary;
}

const maxRequests = 10_000;
/** Clients choose what they ask for. */
const maxModelLength = 200;
const maxEjections = 1_000;

interface Remembered {
  event: RequestFinished;
  /** Counted here, of a request whose provider did not report its usage. */
  estimate: TokenUsage | null;
}

interface Ejected {
  provider: string;
  fromMs: number;
  /** When it would end, or has ended; a trial that fails extends it. */
  untilMs: number;
}

/** @param now wall clock, milliseconds. */
export function createRecent(now: () => number = Date.now): Recent {
  const sinceMs = now();
  // A ring, with the oldest at `next`. Few are looked for, and a Map of what comes and goes costs
  // more than all else that is done with a request here.
  const requests: Remembered[] = [];
  let next = 0;
  const traffic = createTraffic();
  const ejections: Ejected[] = [];
  let forgottenUntilMs = sinceMs;

  const remember = (event: RequestFinished) => {
    const { model } = event;
    const isLong = model !== null && model.length > maxModelLength;
    requests[next] = {
      event: isLong ? { ...event, model: model.slice(0, maxModelLength) } : event,
      estimate: null,
    };
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
          // What asks the gateway itself would push out what clients asked.
          if (!event.endpoint.startsWith('/v1/')) return;
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
        case 'provider_ejected': {
          const fromMs = now();
          ejections.push({ provider: event.provider, fromMs, untilMs: fromMs + event.forMs });
          if (ejections.length > maxEjections) {
            forgottenUntilMs = ejections.shift()?.untilMs ?? forgottenUntilMs;
          }
          break;
        }
        case 'provider_recovered':
          for (const ejected of ejections) {
            if (ejected.provider !== event.provider) continue;
            ejected.untilMs = Math.min(ejected.untilMs, now());
          }
          break;
      }
    },
    request(id) {
      const found = newest(id);
      return found && { event: found.event, tokens: tokensOf(found) };
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
    wasEjected(provider, atMs) {
      if (atMs < forgottenUntilMs) return null;
      return ejections.some(
        (one) => one.provider === provider && one.fromMs <= atMs && atMs < one.untilMs,
      );
    },
    traffic: () => traffic.summary(now()),
  };
}

function tokensOf({ event, estimate }: Remembered): RecentRequest['tokens'] {
  if (event.usage) return { ...event.usage, source: 'provider' };
  return estimate && { ...estimate, source: 'estimated' };
}
