import type { Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Recent } from '../../observe/recent/recent.js';
import type { RequestFinished } from '../../observe/request-event.js';
import { compileMappingMatch } from '../../routing/model-mapping.js';
import { allFallbacksOf, modelMeant } from '../../routing/model-order.js';
import type { Attempted, Considered } from './request-explanation.js';

export function considered(
  event: RequestFinished,
  log: readonly Attempted[],
  providers: readonly Provider[],
  recent: Pick<Recent, 'wasEjected'>,
  routing: Settings['routing'],
): Considered[] {
  if (event.model === null || event.error === 'model_not_allowed') return [];
  const model = modelMeant(event.model, routing);
  const models = [model, ...allFallbacksOf(model, routing)];
  const found: Considered[] = [];
  for (const name of models) {
    for (const provider of providers) {
      const match = provider.is_enabled && compileMappingMatch(provider.model_mapping)(name);
      if (!match) continue;
      const { provider_key, weight, provider_params } = provider;
      const at = log.findIndex(
        (one) => one.provider === provider_key && one.model_sent === match.sent,
      );
      const one = {
        provider: provider_key,
        pattern: match.pattern,
        model_sent: match.sent,
        weight,
        priority: provider_params.priority ?? 0,
        ejected: recent.wasEjected(provider_key, match.sent, event.startedAt),
        tried: at >= 0,
      };
      found.push({
        ...one,
        reason: at >= 0 ? tried(log, at) : notTried(one, event, name !== model),
      });
    }
  }
  return found.sort((a, b) => rank(a, log) - rank(b, log));
}

function rank({ provider, tried }: Considered, log: readonly Attempted[]): number {
  return tried ? log.findIndex((one) => one.provider === provider) : log.length;
}

function tried(log: readonly Attempted[], at: number): string {
  if (log[at]?.outcome === 'answered') return at === 0 ? 'chosen, answered' : 'answered';
  return at === 0 ? 'chosen, failed' : 'tried next, failed';
}

function notTried(
  { ejected, weight, priority }: Pick<Considered, 'ejected' | 'weight' | 'priority'>,
  { attempts, attemptsEnd, status, cache }: RequestFinished,
  fallback: boolean,
): string {
  if (ejected) return 'ejected then';
  if (cache?.result === 'hit') return 'not asked: a cached answer was given';
  if (attempts === 0 && status === 200) return 'not asked: the gateway estimated the tokens';
  if (attempts === 0)
    return status === 429 ? 'the key was over its limit' : 'no provider was tried';
  if (attemptsEnd === 'not_retryable') return "not asked: the error was the client's own";
  if (attemptsEnd === 'max_attempts') return 'not asked: no attempt was left';
  if (attemptsEnd === 'retry_budget_spent') return 'not asked: the retry budget was spent';
  if (attemptsEnd === 'body_not_kept') return 'not asked: the upload was too large to be kept';
  if (attemptsEnd === 'over') return "not asked: the request's time had run out";
  if (fallback) return 'not needed: serves a fallback model';
  if (weight === 0) return 'not needed: weight 0 is for failover';
  if (priority > 0) return `not needed: its priority is ${priority}`;
  return 'not needed: another had its turn';
}
