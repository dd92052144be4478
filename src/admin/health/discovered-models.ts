import Bottleneck from 'bottleneck';
import type { Configuration, Provider } from '../../config/configuration.js';
import { compileModelPattern } from '../../config/rows/model-pattern.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Emit } from '../../observe/event.js';
import { compileModelMapping } from '../../routing/model-mapping.js';
import { compileWires } from '../../routing/wire.js';
import { askProvider } from '../../upstream/ask.js';
import { Upstreams } from '../../upstream/upstreams.js';

const timeoutMs = 10_000;
/** Aggregators list thousands of models with a page of text about each. */
const maxListBytes = 8_388_608;
const maxNameLength = 256;
/** The maximum for one provider, and for all together. */
const maxNames = 5_000;
const retryMs = 60_000;
/** Answers of this time are put together: each change of the names reads every provider's. */
const tellEveryMs = 200;

interface Known {
  /** The settings used for asking; a change asks again. */
  asked: string;
  names: readonly string[];
  /** Time of the next request: monotonic clock, milliseconds. */
  dueMs: number;
}

/**
 * Finds the models that no mapping names, by reading in the background the lists of providers that
 * serve every model or map wildcards. They are for `/v1/models` only and do not affect routing; a
 * list that cannot be read changes nothing.
 */
export class DiscoveredModels {
  readonly #intervalMs: number;
  readonly #emit: Emit;
  readonly #onChange: (models: readonly string[]) => void;
  readonly #upstreams: Upstreams;
  readonly #known = new Map<string, Known>();
  readonly #turns = new Bottleneck({ maxConcurrent: 4 });
  readonly #stop = new AbortController();
  #providers: readonly Provider[] = [];
  #models: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #telling: NodeJS.Timeout | undefined;
  #running = false;

  /** @param onChange receives all names, sorted. */
  constructor(
    { health, upstream }: Settings,
    emit: Emit,
    onChange: (models: readonly string[]) => void,
  ) {
    this.#intervalMs = health.discover_models_ms;
    this.#emit = emit;
    this.#onChange = onChange;
    this.#upstreams = new Upstreams({ ...upstream, max_connections_per_provider: 1 });
  }

  /** Follows the configuration: asks providers that are new or whose access has changed. */
  configured({ providers }: Configuration): void {
    if (this.#intervalMs === 0) return;
    this.#providers = providers.filter(
      ({ is_enabled, model_mapping }) => is_enabled && hidesModels(model_mapping),
    );
    this.#upstreams.retain(this.#providers.map((each) => compileWires(each).connection));
    const keys = new Set(this.#providers.map(({ provider_key }) => provider_key));
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
    this.#tell();
    this.#run();
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#telling);
    this.#upstreams.retain([]);
  }

  /** Asks the providers that are due, and schedules itself for the next one. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    clearTimeout(this.#timer);
    for (let due = this.#due(); due.length > 0; due = this.#due()) {
      await Promise.all(due.map((provider) => this.#turns.schedule(() => this.#ask(provider))));
      if (this.#stop.signal.aborted) return;
    }
    this.#running = false;
    const nextMs = Math.min(...this.#providers.map((provider) => this.#dueMs(provider)));
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#run(), Math.max(1, nextMs - performance.now()));
  }

  #due(): Provider[] {
    return this.#providers.filter((provider) => this.#dueMs(provider) <= performance.now());
  }

  #dueMs(provider: Provider): number {
    const known = this.#known.get(provider.provider_key);
    return known?.asked === addressOf(provider) ? known.dueMs : 0;
  }

  async #ask(provider: Provider): Promise<void> {
    const { provider_key } = provider;
    const asked = addressOf(provider);
    const before = this.#known.get(provider_key);
    let names = before?.asked === asked ? before.names : [];
    let afterMs = this.#intervalMs;
    try {
      names = await this.#list(provider);
      this.#emit({ type: 'models_discovered', provider: provider_key, models: names.length });
    } catch (failure) {
      if (this.#stop.signal.aborted) return;
      afterMs = Math.min(afterMs, retryMs);
      const reason = failure instanceof Error ? failure.message : String(failure);
      this.#emit({ type: 'models_not_discovered', provider: provider_key, reason });
    }
    if (this.#stop.signal.aborted) return;
    this.#known.set(provider_key, { asked, names, dueMs: performance.now() + afterMs });
    this.#telling ??= setTimeout(() => this.#tell(), tellEveryMs);
  }

  async #list(provider: Provider): Promise<string[]> {
    const bounds = { timeoutMs, maxBytes: maxListBytes, signal: this.#stop.signal };
    const wires = compileWires(provider);
    const request = { endpoint: null };
    const { status, body } = await askProvider(this.#upstreams, wires, request, bounds);
    if (status !== 200) throw new Error(`HTTP ${status}`);
    const names = namesIn(body);
    if (!names) throw new Error('the answer is not a list of models');
    return names.slice(0, maxNames);
  }

  #tell(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    const models = this.#named();
    if (models.join('\n') === this.#models.join('\n')) return;
    this.#models = models;
    this.#onChange(models);
  }

  /** The names that clients can use; through a wildcard, those that map to a listed model. */
  #named(): string[] {
    const all = new Set<string>();
    for (const { provider_key, model_mapping } of this.#providers) {
      const names = new Set(this.#known.get(provider_key)?.names);
      const mapping = compileModelMapping(model_mapping);
      for (const name of names) {
        const sent = mapping(name);
        if (sent !== null && names.has(sent)) all.add(name);
      }
    }
    return [...all].sort().slice(0, maxNames);
  }
}

function hidesModels(mapping: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(mapping);
  return keys.length === 0 || keys.some((key) => !isExact(key));
}

function isExact(key: string): boolean {
  const pattern = compileModelPattern(key);
  return typeof pattern !== 'string' && pattern.kind === 'exact';
}

function addressOf({ provider_type, api_base, api_key, provider_params }: Provider): string {
  const { headers, api_version } = provider_params;
  return JSON.stringify([provider_type, api_base, api_key, headers, api_version]);
}

/** The names in a list of models, OpenAI's or Gemini's; null when it is none. */
function namesIn(body: Buffer): string[] | null {
  try {
    const { data, models } = JSON.parse(body.toString());
    const listed = data ?? models;
    if (!Array.isArray(listed)) return null;
    const ids = listed.map((model) =>
      typeof model?.name === 'string' && !data ? model.name.replace(/^models\//, '') : model?.id,
    );
    return ids.filter((id): id is string => isName(id));
  } catch {
    return null;
  }
}

/** Accepts visible text of sensible length only, because it is passed on to clients. */
function isName(id: unknown): boolean {
  return typeof id === 'string' && id.length <= maxNameLength && /^\P{C}+$/u.test(id);
}
