import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importLitellmPrices } from '../../../src/config/import/litellm-prices.js';

test('the prices of searches are read from LiteLLM’s file', () => {
  const sizes = { search_context_size_low: 0.03, search_context_size_high: 0.05 };
  const file = {
    // Entries as of its file, cut to these members.
    'gpt-4o': {
      ...{ input_cost_per_token: 2.5e-6, file_search_cost_per_1k_calls: 2.5 },
      search_context_cost_per_query: { ...sizes, search_context_size_medium: 0.035 },
    },
    plain: { input_cost_per_token: 1e-6, search_context_cost_per_query: { ...sizes } },
    'cohere/rerank-v3.5': {
      ...{ litellm_provider: 'cohere', input_cost_per_query: 0.002 },
      search_context_cost_per_query: { search_context_size_medium: 0.01 },
    },
    odd: { input_cost_per_token: 1e-6, file_search_cost_per_1k_calls: '2.5' },
  };
  const { prices } = importLitellmPrices(file, null, () => true);
  assert.deepEqual(
    prices.map(({ model, rates }) => [model, rates]),
    [
      ['gpt-4o', { input: 2_500_000_000, search: 35_000_000, file_search: 2_500_000 }],
      ['plain', { input: 1_000_000_000 }],
      ['rerank-v3.5', { search: 2_000_000 }],
      ['odd', { input: 1_000_000_000 }],
    ],
  );
});
