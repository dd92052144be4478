import { BackgroundProbes } from '../admin/health/background-probes.js';
import { DiscoveredModels } from '../admin/health/discovered-models.js';
import { HealthChecks } from '../admin/health/health-checks.js';
import type { Configuration } from '../config/configuration.js';
import type { Settings } from '../config/settings/settings-types.js';
import type { Emit } from '../observe/event.js';
import { followProbes } from './follow/follow-probes.js';
import type { Workers } from './workers/workers.js';

/** Requests that the control process sends to providers on its own. */
export interface Probing {
  readonly checks: HealthChecks;
  /** Names of models that providers list, sorted. */
  readonly models: readonly string[];
  configured(configuration: Configuration): void;
  close(): void;
}

/** Starts nothing before it has a configuration; sends its findings to the workers. */
export function openProbing(settings: Settings, workers: Workers, emit: Emit): Probing {
  const checks = new HealthChecks(settings);
  const background = new BackgroundProbes({
    probe: (provider, model) => checks.probe(provider, model),
    onResult: followProbes(workers.shared, emit),
  });
  let models: readonly string[] = [];
  const discovered = new DiscoveredModels(settings, emit, (found) => {
    models = found;
    workers.inform({ discovered: found });
  });
  const parts = [checks, background, discovered];
  return {
    checks,
    get models() {
      return models;
    },
    configured(configuration) {
      for (const part of parts) part.configured(configuration);
    },
    close() {
      for (const part of [background, discovered, checks]) part.close();
    },
  };
}
