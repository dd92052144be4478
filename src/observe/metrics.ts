import { setImmediate as turn } from 'node:timers/promises';
import { Gauge, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import type { Emit } from './event.js';
import type { GatewayState } from './gateway-state.js';
import { requestFamilies } from './metrics-families.js';
import {
  type ConfiguredNames,
  defaultLimits,
  LabelBounds,
  type LabelLimits,
} from './metrics-labels.js';
import { copyCounter, costCounter, requestCounter, tokenCounter } from './metrics-requests.js';
import { registerState } from './metrics-state.js';
import { watchProcess } from './process-status.js';

/** Interprets events as Prometheus metrics. Lives in the control process. */
export interface Metrics {
  emit: Emit;
  /** Adds the metrics of the current state; `state` is called at each scrape. */
  watch(state: () => GatewayState): void;
  /** Call it before a configuration becomes active; `providers` are the enabled ones. */
  configured(names: ConfiguredNames): void;
  /** The text exposition format; scrapes within a second share one rendering. */
  render(): Promise<string>;
  /** The same as values. */
  families(): Promise<MetricObjectWithValues<MetricValue<string>>[]>;
  readonly contentType: string;
}

const renderedForMs = 1_000;

/**
 * @param modelPrefix the setting `provider_suffix`.
 * @param now monotonic clock, milliseconds.
 */
export function createMetrics(
  version: string,
  modelPrefix: string,
  now: () => number = () => performance.now(),
  limits: LabelLimits = defaultLimits,
): Metrics {
  const registry = new Registry();
  const families = requestFamilies(registry);
  const labelOverflows = families.labelOverflows.of();
  const workerRestarts = families.workerRestarts.of();
  const bounds = new LabelBounds(modelPrefix, limits, () => labelOverflows.value++);
  const wrongKeys = {
    admin: families.wrongKeys.of({ kind: 'admin' }),
    client: families.wrongKeys.of({ kind: 'client' }),
  };
  const countRequest = requestCounter(families, bounds);
  const countTokens = tokenCounter(families);
  const countCost = costCounter(families);
  const countCopy = copyCounter(families);
  const health = new Map<string, boolean>();
  new Gauge({
    name: 'llm_proxy_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version, node_version: process.versions.node }, 1);

  let rendered: { text: Promise<string>; atMs: number } | null = null;
  return {
    contentType: registry.contentType,
    watch: (state) => registerState(registry, state, watchProcess(), () => health),
    configured({ models, providers, pairs = [] }) {
      const enabled = new Set(providers);
      bounds.learn({ models, providers: enabled, pairs });
      for (const gone of health.keys()) if (!enabled.has(gone)) health.delete(gone);
      for (const provider of enabled) health.set(provider, health.get(provider) ?? true);
    },
    families: () => registry.getMetricsAsJSON(),
    render() {
      if (!rendered || now() - rendered.atMs > renderedForMs) {
        rendered = { text: renderAll(registry), atMs: now() };
      }
      return rendered.text;
    },
    emit(event) {
      switch (event.type) {
        case 'request_finished':
          countRequest(event);
          break;
        case 'usage_counted': {
          const labels = bounds.of(event.model, event.provider);
          countTokens(labels, event.usage, event.source === 'estimated');
          break;
        }
        case 'request_charged':
          countCost(bounds.of(event.model, event.provider), event.charge);
          break;
        case 'mirrored':
          countCopy(event);
          break;
        case 'mirror_skipped': {
          const { mirror, reason, count } = event;
          families.mirrorSkipped.of({ mirror, reason }).value += count;
          break;
        }
        case 'canary_moved': {
          const { canary, state } = event;
          families.canaryMoves.of({ canary, state }).value++;
          break;
        }
        case 'provider_ejected':
        case 'provider_recovered':
          if (health.has(event.provider)) {
            health.set(event.provider, event.type === 'provider_recovered' && !event.stillOut);
          }
          break;
        case 'database_ready':
        case 'database_listening':
        case 'database_polled':
          families.databaseUp.set(1);
          break;
        case 'secret_unusable':
          families.secretUnusable.set({ provider: event.provider }, 1);
          break;
        case 'secret_usable':
          families.secretUnusable.remove({ provider: event.provider });
          break;
        case 'wrong_key':
          wrongKeys[event.kind].value++;
          break;
        case 'database_lost':
          families.databaseUp.set(0);
          break;
        case 'worker_exited':
          if (!event.expected) workerRestarts.value++;
          break;
      }
    },
  };
}

/** Yields to the event loop after each family: with many series, all at once would block it. */
async function renderAll(registry: Registry): Promise<string> {
  const families: string[] = [];
  for (const family of registry.getMetricsAsArray()) {
    families.push(await registry.getSingleMetricAsString(family.name));
    await turn();
  }
  return `${families.join('\n')}\n`;
}
