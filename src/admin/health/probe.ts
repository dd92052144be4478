import type { Provider } from '../../config/configuration.js';
import { secretParamsOf } from '../../config/secrets/secret-columns.js';
import { hideSecrets } from '../../observe/hide-secrets.js';
import { compileWires } from '../../routing/wire.js';
import { type AskBounds, askProvider, type ProviderAnswer } from '../../upstream/ask.js';
import { outcomeOfStatus } from '../../upstream/outcome.js';
import type { Upstreams } from '../../upstream/upstreams.js';
import { probeRequest, reasoningProbeRequest } from './probe-request.js';

/** The result of one request to a provider. */
export interface Probe {
  /** `unknown`: it answered but refused this request, or was not tested. */
  status: 'healthy' | 'unhealthy' | 'unknown';
  /** True where the provider itself fails, not only this model. */
  atFault: boolean;
  tookMs: number | null;
  /** The gateway's explanation where it is not healthy, else null. */
  error: string | null;
  /** The provider's error message, with its key removed. */
  said: string | null;
}

const maxAnswerBytes = 1_048_576;
const maxSaidLength = 300;

/**
 * Sends a provider one real, cheap request. Never rejects.
 * @param model the provider's name of it; null tests reachability only.
 */
export async function probe(
  upstreams: Upstreams,
  provider: Provider,
  model: string | null,
  limits: Omit<AskBounds, 'maxBytes'>,
): Promise<Probe> {
  const bounds = { ...limits, maxBytes: maxAnswerBytes };
  const startMs = performance.now();
  const wires = compileWires(provider);
  try {
    let answer = await askProvider(upstreams, wires, probeRequest(wires, model), bounds);
    if (model !== null && wantsMoreTokens(answer)) {
      const timeoutMs = Math.max(1, bounds.timeoutMs - answer.tookMs);
      const request = reasoningProbeRequest(wires, model);
      answer = await askProvider(upstreams, wires, request, { ...bounds, timeoutMs });
    }
    return judge(provider, model, answer);
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    const tookMs = performance.now() - startMs;
    return { status: 'unhealthy', atFault: true, tookMs, error: reason, said: null };
  }
}

/** The result for a model that was not tested because time ran out. */
export const notAsked: Probe = {
  status: 'unknown',
  atFault: false,
  tookMs: null,
  error: 'not tested: the time had run out',
  said: null,
};

function judge(provider: Provider, model: string | null, answer: ProviderAnswer): Probe {
  const { status, tookMs } = answer;
  if (isGood(answer) || (model === null && hasNoList(status)) || ranOutOfTokens(answer)) {
    return { status: 'healthy', atFault: false, tookMs, error: null, said: null };
  }
  if (status < 300) {
    const error = 'the answer is not that of an API';
    return { status: 'unhealthy', atFault: true, tookMs, error, said: null };
  }
  // A null outcome is a redirect, which requests do not follow.
  const outcome = outcomeOfStatus(status);
  return {
    status: (outcome?.retry ?? true) ? 'unhealthy' : 'unknown',
    atFault: outcome === null || outcome.counts !== null,
    tookMs,
    error: `HTTP ${status}`,
    said: saidIn(answer.body, provider),
  };
}

/** A 2xx with a web page in place of the API's JSON is not good. */
function isGood({ status, body }: ProviderAnswer): boolean {
  return status >= 200 && status < 300 && /^\s*(?:[{[]|data:)/.test(body.toString());
}

/** Some providers have no list of models; their refusal still shows that they answer. */
function hasNoList(status: number): boolean {
  return status === 404 || status === 405;
}

/** True where a reasoning model used up its few tokens, which shows that it works. */
function ranOutOfTokens({ status, body }: ProviderAnswer): boolean {
  return status === 400 && body.includes('output limit was reached');
}

/** True where a reasoning model refuses `max_tokens`. */
export function wantsMoreTokens({
  status,
  body,
}: Pick<ProviderAnswer, 'status' | 'body'>): boolean {
  return status === 400 && body.includes('max_completion_tokens');
}

/** The message of an error body, or null. Secrets are removed: some providers repeat the key. */
export function saidIn(body: Buffer, provider: Provider): string | null {
  let said: unknown;
  try {
    const { error, message } = JSON.parse(body.toString());
    said = error?.message ?? error ?? message;
  } catch {
    return null;
  }
  if (typeof said !== 'string' || said === '') return null;
  const fetched = Object.values(provider.provider_params.fetched ?? {}).filter(
    (one) => one !== null,
  );
  const secrets = [provider.api_key, ...secretParamsOf(provider).values(), ...fetched];
  return hideSecrets(said, secrets).replace(/\s+/g, ' ').slice(0, maxSaidLength);
}
