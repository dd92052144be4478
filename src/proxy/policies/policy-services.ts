import { modelEndpoints } from '../../dialects/endpoints.js';
import type { ModelQuestion, PolicyServices } from '../../policies/policy.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import { askProvider } from '../../upstream/ask.js';
import { fetchBytes } from '../../upstream/fetch-bytes.js';
import type { Gateway } from '../gateway.js';
import { RequestRecord } from '../record.js';

/** A worker's services for the policies of a request, over its own connections. */
export function policyServices(
  gateway: Gateway,
  credential: RoutedCredential,
  { claim }: RequestRecord,
): PolicyServices {
  const { settings, upstreams, slots, breakers, backlog } = gateway;
  return {
    post: (request) => fetchBytes(settings.upstream, { method: 'POST', ...request }, upstreams),
    ask: (question) => ask(gateway, credential, question),
    slot: async (key, capacity, waitMs) =>
      (await slots.tryAcquire(key, capacity)) ??
      (await slots.acquire(key, capacity, waitMs, claim)),
    unlessFailing: (service, ask) => breakers.run(service, ask),
    room: (bytes) => backlog.take(bytes),
  };
}

/**
 * Asks the providers of a model in turn until one answers. The request is recorded for the same
 * key, which pays for it; no policy sees it.
 */
async function ask(
  gateway: Gateway,
  credential: RoutedCredential,
  { pattern, model, body, timeoutMs, maxBytes }: ModelQuestion,
): Promise<{ status: number; body: Buffer }> {
  const { snapshot, settings, upstreams, health } = gateway;
  const endpoint = modelEndpoints.find((each) => each.pattern === pattern);
  if (!endpoint) throw new Error(`there is no endpoint ${pattern}`);
  const routes = snapshot.routes(modelMeant(model, settings.routing), endpoint);
  const all = routes.flatMap(({ candidates }) => candidates);
  const isIn = ({ provider }: (typeof all)[number]) => !health.isOut(provider.key, Date.now(), '');
  const candidates = all.some(isIn) ? all.filter(isIn) : all;
  if (candidates.length === 0) throw new Error(`no provider serves the model ${model}`);
  const record = new RequestRecord({ method: 'POST', header: () => '' });
  record.authenticated(credential, snapshot);
  Object.assign(record, { endpoint: pattern, model, tags: credential.tags });
  const deadlineMs = performance.now() + timeoutMs;
  let problem: unknown = new Error('no answer in time');
  try {
    for (const candidate of candidates) {
      const leftMs = Math.ceil(deadlineMs - performance.now());
      if (leftMs <= 0) break;
      record.attempted(candidate);
      const startMs = performance.now();
      try {
        const answer = await askProvider(
          upstreams,
          candidate.provider.wires,
          { endpoint, model: candidate.model, body: { ...body, model: candidate.model } },
          { timeoutMs: leftMs, maxBytes, signal: AbortSignal.timeout(leftMs) },
        );
        record.status = answer.status;
        record.complete = true;
        if (answer.status < 500 && answer.status !== 429) return answer;
        problem = new Error(`the model answered ${answer.status}`);
      } catch (error) {
        problem = error;
      } finally {
        record.upstreamMs += performance.now() - startMs;
      }
    }
    throw problem;
  } finally {
    if (record.status === 0) Object.assign(record, { status: 502, error: 'upstream_failed' });
    gateway.emit(record.finished());
  }
}
