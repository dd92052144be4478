import type { Configuration, Provider } from '../../config/configuration.js';
import { compileModelMapping } from '../../routing/model-mapping.js';
import type { Probe } from './probe.js';
import { mappedModels } from './probe-request.js';

interface BackgroundOptions {
  probe: (provider: Provider, model: string | null) => Promise<Probe>;
  /** Receives a result; `model` is null where only reachability was tested. */
  onResult: (result: BackgroundResult) => void;
}

export interface BackgroundResult {
  provider: string;
  model: string | null;
  probe: Probe;
  intervalMs: number;
}

interface Schedule {
  /** The settings it was made from; a change restarts it. */
  made: string;
  stop(): void;
}

/** The probes configured in `provider_params.probe`, each at its own interval. */
export class BackgroundProbes {
  readonly #options: BackgroundOptions;
  readonly #schedules = new Map<string, Schedule>();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** Follows the configuration; unchanged probes keep their schedule. */
  configured({ providers }: Configuration): void {
    const wanted = new Map<string, Provider>();
    for (const provider of providers) {
      if (provider.is_enabled && provider.provider_params.probe) {
        wanted.set(provider.provider_key, provider);
      }
    }
    for (const [key, schedule] of this.#schedules) {
      const provider = wanted.get(key);
      if (provider && schedule.made === JSON.stringify(provider)) wanted.delete(key);
      else {
        schedule.stop();
        this.#schedules.delete(key);
      }
    }
    for (const [key, provider] of wanted) this.#schedules.set(key, this.#start(provider));
  }

  close(): void {
    for (const { stop } of this.#schedules.values()) stop();
    this.#schedules.clear();
  }

  /** Each probe starts one interval after the previous one has ended: never two at once. */
  #start(provider: Provider): Schedule {
    const { probe, onResult } = this.#options;
    const { provider_key, model_mapping, provider_params } = provider;
    const intervalMs = provider_params.probe?.interval_ms ?? 0;
    const asked = provider_params.probe?.model ?? mappedModels(model_mapping)[0];
    const model = asked === undefined ? null : (compileModelMapping(model_mapping)(asked) ?? asked);
    let stopped = false;
    let timer: NodeJS.Timeout | undefined;
    const run = async () => {
      const result = await probe(provider, model);
      if (stopped) return;
      onResult({ provider: provider_key, model, probe: result, intervalMs });
      wait();
    };
    // Random, so that the probes of many providers and instances are spread out.
    const wait = () => {
      timer = setTimeout(run, intervalMs * (0.9 + Math.random() * 0.2));
    };
    wait();
    return {
      made: JSON.stringify(provider),
      stop() {
        stopped = true;
        clearTimeout(timer);
      },
    };
  }
}
