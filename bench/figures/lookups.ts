/** Measures lookups of keys and models in growing tables; the first lookup of a name is cold. */
import { createHash } from 'node:crypto';
import type { Credential, Provider } from '../../src/config/configuration.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { printTable, run } from '../faults/report.js';

/** Models per provider; one entry in ten of its mapping is a wildcard. */
const modelsPerProvider = 100;

await run({ keys: 100_000, models: 10_000 }, async (options) => {
  const rows: Record<string, string | number>[] = [];
  // The first run is the warm-up.
  for (const share of [0.01, 0.01, 0.1, 1]) {
    const keys = options.keys * share;
    const models = options.models * share;
    const startMs = performance.now();
    const snapshot = buildSnapshot(
      {
        version: 1,
        providers: Array.from({ length: models / modelsPerProvider }, (_, i) => provider(i)),
        teams: [],
        credentials: Array.from({ length: keys }, (_, i) => credential(i)),
      },
      'hash',
    );
    const buildMs = performance.now() - startMs;
    const hashes = Array.from({ length: keys }, (_, i) => credential(i).credential_key);
    const exact = Array.from({ length: models }, (_, i) => nameOf(i));
    const wild = exact.map((_, i) => `${nameOf(i - (i % 10))}-2030-${i}`);
    const unknown = exact.map((name) => `no-${name}`);
    rows.push({
      keys,
      models,
      'build ms': Math.round(buildMs),
      'key ns': each(hashes, (hash) => snapshot.credentials.get(hash)),
      'exact, cold ns': each(exact, snapshot.route),
      'exact ns': each(exact, snapshot.route),
      'wildcard, cold ns': each(wild, snapshot.route),
      'unknown, cold ns': each(unknown, snapshot.route),
    });
  }
  printTable(rows.slice(1));
});

/** Average nanoseconds per call, over a fair sample of the names. */
function each(names: readonly string[], look: (name: string) => unknown): number {
  const sample = names.length > 10_000 ? names.filter((_, i) => i % 10 === 0) : names;
  const startMs = performance.now();
  for (const name of sample) look(name);
  return Math.round(((performance.now() - startMs) * 1_000_000) / sample.length);
}

function nameOf(index: number): string {
  return `vendor-${index % 97}/model-${index}`;
}

function provider(index: number): Provider {
  const first = index * modelsPerProvider;
  const entries = Array.from({ length: modelsPerProvider }, (_, i): [string, string][] => {
    const name = nameOf(first + i);
    return i % 10 === 0
      ? [
          [name, name],
          [`${name}-*`, `${name}-*`],
        ]
      : [[name, name]];
  });
  return {
    provider_key: `p${index}`,
    provider_type: 'openai',
    api_base: `https://p${index}.example/v1`,
    api_key: 'k',
    model_mapping: Object.fromEntries(entries.flat()),
    weight: 1,
    provider_params: {},
    is_enabled: true,
  };
}

function credential(index: number): Credential {
  return {
    id: index,
    credential_key: createHash('sha256').update(String(index)).digest('hex'),
    name: `key ${index}`,
    allowed_models: null,
    rate_limit: 100,
    is_enabled: true,
    key_preview: 'sk-…0000',
  };
}
