import type { Price } from '../../src/config/rows/price.js';

/** A price of the model `m` that is free except for the given rates. */
export function priceForTest(fields: Partial<Price> = {}): Price {
  return {
    name: 'm',
    model: 'm',
    provider_key: null,
    valid_from: null,
    rates: {},
    service_tiers: {},
    context_tiers: [],
    max_input_tokens: null,
    max_output_tokens: null,
    source: 'operator',
    ...fields,
  };
}
