import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Configuration, Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { OtlpSignal } from '../../observe/event.js';
import type { Telemetry } from '../../observe/otlp/open.js';
import type { OtlpTarget } from '../../observe/otlp/post.js';
import type { TracedProvider } from '../../observe/otlp/span-attributes.js';
import { headerValues } from '../secrets/header-values.js';
import { readSecretFile } from '../secrets/secret-file.js';
import type { Observers } from './observers.js';

/** Exports by OTLP, as the settings say, and the providers that spans name. */
export interface OpenedTelemetry extends Telemetry {
  configured(configuration: Configuration): void;
}

/**
 * Null where nothing is exported.
 * @throws Error naming a setting whose file or variable cannot be read.
 */
export async function openExports(
  settings: Settings,
  version: string,
  { emit, metrics }: Pick<Observers, 'emit' | 'metrics'>,
): Promise<OpenedTelemetry | null> {
  const { traces, log, server } = settings;
  const { endpoint } = traces;
  if (endpoint === null && settings.metrics.otlp === null && log.otlp === null) return null;
  const { openTelemetry } = await import('../../observe/otlp/open.js');
  const targetOf = (url: string, signal: OtlpSignal) => targetAt(url, signal, settings);
  const providers = new Map<string, TracedProvider>();
  const telemetry = await openTelemetry({
    version,
    attributes: {
      'service.instance.id': randomUUID(),
      'host.name': hostname(),
      ...traces.resource,
      'service.name': traces.service_name,
      'service.version': version,
    },
    traces:
      endpoint === null
        ? null
        : {
            target: await targetOf(endpoint, 'traces'),
            errors: traces.sample_errors,
            slowMs: traces.slow_ms,
            text: traces.text,
          },
    metrics:
      settings.metrics.otlp === null
        ? null
        : {
            target: await targetOf(settings.metrics.otlp, 'metrics'),
            intervalMs: settings.metrics.otlp_interval_ms,
          },
    logs: log.otlp === null ? null : { ...log, target: await targetOf(log.otlp, 'logs') },
    maxQueued: traces.max_queue,
    scheme: server.tls.cert === null ? 'http' : 'https',
    providerOf: (key) => providers.get(key) ?? null,
    families: () => metrics.families(),
    emit,
  });
  return {
    ...telemetry,
    configured(configuration) {
      // Requests under way may still be to one that is gone.
      for (const each of configuration.providers) {
        providers.set(each.provider_key, tracedProvider(each));
      }
    },
  };
}

/** A receiver's URL for a signal, with headers and certificates as they are when it is used. */
export async function targetAt(
  url: string,
  signal: OtlpSignal,
  settings: Pick<Settings, 'traces' | 'secrets' | 'data_dir'>,
): Promise<OtlpTarget> {
  const { headers, tls, timeout_ms, compression } = settings.traces;
  const target: OtlpTarget = {
    url: withPath(url, signal),
    timeoutMs: timeout_ms,
    gzips: compression === 'gzip',
    headers: () => headerValues('traces.headers', headers, settings),
    tls: () => readAll(tls, (path) => readSecretFile(path, settings)),
  };
  await Promise.all([target.headers(), target.tls()]);
  return target;
}

/** OpenTelemetry's rule for the URL of a receiver of all signals. */
function withPath(url: string, signal: OtlpSignal): string {
  const path = `/v1/${signal}`;
  return url.endsWith(path) ? url : `${url.replace(/\/+$/, '')}${path}`;
}

async function readAll<K extends string>(
  files: Readonly<Record<K, string | null>>,
  read: (path: string) => Promise<string>,
): Promise<Record<K, string>> {
  const entries: [string, string][] = [];
  for (const [name, path] of Object.entries<string | null>(files)) {
    if (path === null) continue;
    try {
      entries.push([name, await read(path)]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`traces.tls.${name} ${reason}`);
    }
  }
  return Object.fromEntries(entries) as Record<K, string>;
}

function tracedProvider({ provider_type, api_base }: Provider): TracedProvider {
  const { hostname: host, port, protocol } = new URL(api_base);
  const system =
    provider_type === 'openai'
      ? (compatible.find(([end]) => host.endsWith(end))?.[1] ?? 'openai')
      : systems[provider_type];
  const usual = protocol === 'https:' ? 443 : 80;
  return { system, host, port: port === '' ? usual : Number(port) };
}

/** OpenTelemetry's names. */
const systems = {
  azure: 'azure.ai.openai',
  anthropic: 'anthropic',
  gemini: 'gcp.gemini',
  vertex: 'gcp.vertex_ai',
  bedrock: 'aws.bedrock',
  cohere: 'cohere',
} as const;

/** The same for servers with OpenAI's API, by the end of their host's name. */
const compatible = [
  ['api.deepseek.com', 'deepseek'],
  ['api.groq.com', 'groq'],
  ['api.mistral.ai', 'mistral_ai'],
  ['api.moonshot.ai', 'moonshot_ai'],
  ['api.perplexity.ai', 'perplexity'],
  ['api.x.ai', 'x_ai'],
] as const;
