import { type Price, unitNames } from '../../config/rows/price.js';
import { formatDollars } from '../../pricing/money.js';
import { printFields } from '../output.js';

/** Prints a price with all of its tiers. */
export function printPrice(price: Price): void {
  printFields([
    ['name', price.name],
    ['model', price.model],
    ['provider', price.provider_key ?? 'any'],
    ['source', price.source],
    ['valid from', price.valid_from ?? 'always'],
    ...unitNames.flatMap((unit) => {
      const rate = price.rates[unit];
      return rate === undefined ? [] : [[unit, `$${formatDollars(rate)}`] as const];
    }),
    ...Object.entries(price.service_tiers).map(
      ([tier, rates]) => [tier, ratesText(rates)] as const,
    ),
    ...price.context_tiers.map(
      ({ above_tokens, rates }) => [`above ${above_tokens}`, ratesText(rates)] as const,
    ),
    ['context', price.max_input_tokens === null ? 'unknown' : String(price.max_input_tokens)],
  ]);
}

/** Rates that cost something, in one line. */
export function ratesText(rates: Price['rates']): string {
  const all = unitNames.flatMap((unit) => {
    const rate = rates[unit];
    return rate === undefined || rate === 0 ? [] : `${unit} $${formatDollars(rate)}`;
  });
  return all.join(', ') || 'free';
}
