import {
  type ModelPrice as CatalogPrice,
  type Provider as CatalogProvider,
  findProvider,
  type ModelInfo,
} from '@pydantic/genai-prices';
import type { CatalogModel, ContextTier, Price, Rates, UnitName } from '../config/rows/price.js';
import { nanoPerDollar } from './money.js';

/** The data is bundled: nothing is fetched, and it changes only with its version. */
export const catalogName = 'genai-prices 0.1.8';

/** The catalog's names of rates, with the number of our units that each is for. */
const units: Readonly<Record<string, readonly [unit: UnitName, per: number]>> = {
  input_mtok: ['input', 1],
  cache_read_mtok: ['cache_read', 1],
  cache_write_mtok: ['cache_write_5m', 1],
  cache_write_1h_mtok: ['cache_write_1h', 1],
  input_audio_mtok: ['audio_input', 1],
  input_image_mtok: ['image_input', 1],
  output_mtok: ['output', 1],
  output_reasoning_mtok: ['reasoning', 1],
  output_audio_mtok: ['audio_output', 1],
  output_image_mtok: ['image_output', 1],
  requests_kcount: ['request', 1_000],
  web_searches_kcount: ['search', 1_000],
  storage_searches_kcount: ['file_search', 1_000],
  audio_hours: ['second', 3_600],
};

/**
 * OpenAI's charges for the tools of its models (openai.com/api/pricing), which the catalog lacks: the
 * tokens of a picture, which a tool makes with a dearer model, and a container for code.
 */
const toolRates: Rates = {
  image_output: 40 * nanoPerDollar,
  container: (3 * nanoPerDollar) / 100,
};
const toolMakers: ReadonlySet<string> = new Set(['openai', 'azure']);

/** Makers whose models nobody else serves: their names determine the price at any address. */
const makers = ['openai', 'anthropic', 'google', 'x-ai'];
/** OpenAI's embeddings, which the catalog's pattern of its models lacks. */
const embeddings = { starts_with: 'text-embedding-' };

const idsOfTypes: Readonly<Record<string, string>> = {
  anthropic: 'anthropic',
  azure: 'azure',
  bedrock: 'aws',
  gemini: 'google',
  vertex: 'google',
  cohere: 'cohere',
};

const known = new Map<string, readonly CatalogModel[]>();
/** By address and type: the search compares an address with a pattern of each provider. */
const found = new Map<string, Catalog>();
const maxFound = 10_000;

/** Cached, so that all providers of a kind share the same list. */
export interface Catalog {
  /** Id of the provider; empty for models known only by their makers. */
  readonly id: string;
  readonly models: readonly CatalogModel[];
}

/** The bundled prices of a provider: by its address, else by its type, else by its models' makers. */
export function catalogOf(provider: { api_base: string; provider_type: string }): Catalog {
  const key = `${provider.provider_type} ${provider.api_base}`;
  let catalog = found.get(key);
  if (!catalog) {
    catalog = findCatalog(provider);
    if (found.size >= maxFound) found.clear();
    found.set(key, catalog);
  }
  return catalog;
}

function findCatalog({ api_base, provider_type }: Parameters<typeof catalogOf>[0]): Catalog {
  const byType = idsOfTypes[provider_type];
  const provider =
    findProvider({ providerApiUrl: api_base }) ??
    (byType === undefined ? undefined : findProvider({ providerId: byType }));
  const id = provider?.id ?? '';
  let models = known.get(id);
  if (!models) {
    models = provider ? modelsOf(provider) : makers.flatMap(modelsOfMaker);
    known.set(id, models);
  }
  return { id, models };
}

function modelsOf(provider: CatalogProvider): CatalogModel[] {
  const others = (provider.fallback_model_providers ?? []).flatMap(
    (providerId) => findProvider({ providerId }) ?? [],
  );
  return [provider, ...others].flatMap(({ id, models }) =>
    models.map((model) => catalogModel(model, id)),
  );
}

function modelsOfMaker(providerId: string): CatalogModel[] {
  const maker = findProvider({ providerId });
  const { model_match } = maker ?? {};
  if (!maker || !model_match) return [];
  // Its open models are served by others too, at any price.
  const closed = { regex: '^(?!.*oss)' };
  return maker.models.map((model) => {
    const own = catalogModel(model, providerId);
    return { ...own, match: { and: [{ or: [model_match, embeddings] }, closed, own.match] } };
  });
}

function catalogModel(
  { id, match, context_window, prices }: ModelInfo,
  maker: string,
): CatalogModel {
  const list = Array.isArray(prices) ? prices : [{ prices }];
  // Discounts at certain hours are ignored: a charge is never too low.
  const dated = list.filter(({ constraint }) => constraint?.type !== 'time_of_date');
  const isToolMaker = toolMakers.has(maker) && !/image/.test(id);
  return {
    match,
    picturesByTool: isToolMaker,
    prices: dated.map(({ constraint, prices: written }) => ({
      ...priceOf(id, written, isToolMaker),
      valid_from: constraint?.type === 'start_date' ? constraint.start_date : null,
      max_input_tokens: context_window ?? null,
    })),
  };
}

function priceOf(name: string, written: CatalogPrice, isToolMaker: boolean): Price {
  const rates: Rates = {};
  const tiers = new Map<number, Rates>();
  for (const [key, value] of Object.entries(written)) {
    const [unit, per] = units[key] ?? [];
    if (unit === undefined || per === undefined || value === undefined) continue;
    const nano = (dollars: number) => Math.round((dollars * nanoPerDollar) / per);
    if (typeof value === 'number') rates[unit] = nano(value);
    else {
      rates[unit] = nano(value.base);
      for (const { start, price } of value.tiers) {
        tiers.set(start, { ...tiers.get(start), [unit]: nano(price) });
      }
    }
  }
  const hasTools = isToolMaker && rates.output !== undefined;
  const context_tiers: ContextTier[] = [...tiers].map(([above_tokens, own]) => ({
    above_tokens,
    rates: own,
  }));
  return {
    name,
    model: name,
    provider_key: null,
    valid_from: null,
    rates: hasTools ? { ...toolRates, ...rates } : rates,
    service_tiers: {},
    context_tiers,
    max_input_tokens: null,
    max_output_tokens: null,
    source: catalogName,
  };
}
