import type { Provider } from '../../config/configuration.js';
import { compileModelMapping } from '../../routing/model-mapping.js';
import type { Probe } from './probe.js';
import { mappedModels } from './probe-request.js';

/** The results of one provider's probes; the field names are those of the API. */
export interface ProviderHealth {
  provider_key: string;
  status: Probe['status'];
  /** Reason that the provider cannot be reached, where no model was tested. */
  error: string | null;
  models: ModelHealth[];
  summary: { total_models: number; healthy_models: number; unhealthy_models: number };
  avg_response_time_ms: number | null;
  checked_at: string;
}

export interface ModelHealth {
  /** The clients' name of it. */
  model: string;
  status: Probe['status'];
  response_time_ms: number | null;
  error: string | null;
}

/** Sends one probe when its turn comes. */
export type ProbeModel = (model: string | null) => Promise<Probe>;

/**
 * Probes a provider with each of these models; with none, tests reachability. Names that map to the
 * same model share a probe.
 * @param models clients' names; null: those in the mapping.
 * @param withWords include the provider's own error messages.
 */
export async function checkProvider(
  provider: Provider,
  models: readonly string[] | null,
  probeModel: ProbeModel,
  withWords: boolean,
): Promise<ProviderHealth> {
  const asked = [...new Set(models ?? mappedModels(provider.model_mapping))];
  const mapping = compileModelMapping(provider.model_mapping);
  const sentOnce = new Map<string | null, Promise<Probe>>();
  const once = (sent: string | null) => {
    const known = sentOnce.get(sent);
    if (known) return known;
    const probing = probeModel(sent);
    sentOnce.set(sent, probing);
    return probing;
  };
  const reached = asked.length === 0 ? await once(null) : null;
  const results = await Promise.all(
    asked.map(async (model) => ({ model, probe: await once(mapping(model) ?? model) })),
  );
  const probes = reached ? [reached] : results.map((result) => result.probe);
  const words = ({ error, said }: Probe) =>
    withWords && error && said ? `${error}: ${said}` : error;
  const count = (status: Probe['status']) =>
    results.filter((r) => r.probe.status === status).length;
  return {
    provider_key: provider.provider_key,
    status: overall(probes),
    error: reached && words(reached),
    models: results.map(({ model, probe }) => ({
      model,
      status: probe.status,
      response_time_ms: rounded(probe.tookMs),
      error: words(probe),
    })),
    summary: {
      total_models: results.length,
      healthy_models: count('healthy'),
      unhealthy_models: count('unhealthy'),
    },
    avg_response_time_ms: average(probes),
    checked_at: new Date().toISOString(),
  };
}

/** A provider is healthy where one of its models is. */
function overall(probes: readonly Probe[]): Probe['status'] {
  const has = (status: Probe['status']) => probes.some((probe) => probe.status === status);
  if (has('healthy')) return 'healthy';
  return has('unhealthy') ? 'unhealthy' : 'unknown';
}

function average(probes: readonly Probe[]): number | null {
  const times = probes.flatMap(({ tookMs }) => tookMs ?? []);
  if (times.length === 0) return null;
  return rounded(times.reduce((sum, time) => sum + time, 0) / times.length);
}

function rounded(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds);
}
