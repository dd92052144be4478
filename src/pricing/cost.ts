import type { UnitName } from '../config/rows/price.js';
import { inputTokens, type UsageClasses } from '../dialects/usage.js';
import { type FullRates, type ModelPrice, ratesOf } from './model-price.js';
import { charge } from './money.js';

/** The count of a unit, and the amount of it that a rate is for. */
interface Counter {
  readonly unit: UnitName;
  readonly per: number;
  count(classes: UsageClasses, upstreamMs: number): number;
}

const perMillion = 1_000_000;
const msPerHour = 3_600_000;

/** In display order. Classes are disjoint, so reasoning is subtracted from output. */
const counters: readonly Counter[] = [
  { unit: 'input', per: perMillion, count: ({ input }) => input },
  { unit: 'cache_read', per: perMillion, count: ({ cacheRead }) => cacheRead },
  { unit: 'cache_write_5m', per: perMillion, count: ({ cacheWrite5m }) => cacheWrite5m },
  { unit: 'cache_write_1h', per: perMillion, count: ({ cacheWrite1h }) => cacheWrite1h },
  { unit: 'audio_input', per: perMillion, count: ({ audioInput }) => audioInput },
  { unit: 'image_input', per: perMillion, count: ({ imageInput }) => imageInput },
  { unit: 'output', per: perMillion, count: ({ output, reasoning }) => output - reasoning },
  { unit: 'reasoning', per: perMillion, count: ({ reasoning }) => reasoning },
  { unit: 'audio_output', per: perMillion, count: ({ audioOutput }) => audioOutput },
  { unit: 'image_output', per: perMillion, count: ({ imageOutput }) => imageOutput },
  { unit: 'request', per: 1, count: () => 1 },
  { unit: 'image', per: 1, count: ({ images }) => images },
  { unit: 'character', per: 1, count: ({ characters }) => characters },
  { unit: 'second', per: 1, count: ({ seconds }) => Math.ceil(seconds) },
  { unit: 'search', per: 1, count: ({ searches }) => searches },
  { unit: 'file_search', per: 1, count: ({ fileSearches }) => fileSearches },
  { unit: 'container', per: 1, count: ({ containers }) => containers },
  { unit: 'hour', per: msPerHour, count: (_, upstreamMs) => Math.ceil(upstreamMs) },
];

/** One class of a cost. */
export interface CostLine {
  unit: UnitName;
  /** Tokens, milliseconds of an `hour`, or the number of other units. */
  count: number;
  /** Nano-dollars per `per` units. */
  rate: number;
  per: number;
  /** Nano-dollars, rounded. */
  cost: number;
}

/**
 * Cost of a request, in nano-dollars: the sum of its lines, each rounded half up.
 * @param upstreamMs duration at the provider, which some charge for.
 */
export function costOf(price: ModelPrice, classes: UsageClasses, upstreamMs: number): number {
  let cost = 0;
  for (const { counter, rate } of rated(ratesOf(price, inputTokens(classes), classes.tier))) {
    const counted = counter.count(classes, upstreamMs);
    if (counted > 0) cost += charge(counted, rate, counter.per);
  }
  return cost;
}

interface Rated {
  readonly counter: Counter;
  readonly rate: number;
}

const ratedOf = new WeakMap<FullRates, readonly Rated[]>();

/** The counters that cost something: of all units, a model has few. */
function rated(rates: FullRates): readonly Rated[] {
  let known = ratedOf.get(rates);
  if (!known) {
    // A price stored by an earlier version may lack the rate.
    const all = counters.map((counter) => ({ counter, rate: rates[counter.unit] ?? 0 }));
    known = all.filter(({ rate }) => rate !== 0);
    ratedOf.set(rates, known);
  }
  return known;
}

/**
 * Extra cost, in nano-dollars, of a request's cached tokens without the prompt cache: the price of
 * moving to another provider.
 */
export function coldCost(price: ModelPrice, classes: UsageClasses): number {
  const rates = ratesOf(price, inputTokens(classes), classes.tier);
  return charge(classes.cacheRead, Math.max(0, rates.input - rates.cache_read), perMillion);
}

/** The same by line, without unused units. */
export function costLines(
  price: ModelPrice,
  classes: UsageClasses,
  upstreamMs: number,
): CostLine[] {
  const rates = ratesOf(price, inputTokens(classes), classes.tier);
  return counters.flatMap(({ unit, per, count }) => {
    const counted = count(classes, upstreamMs) || 0;
    const rate = rates[unit] ?? 0;
    const isToken = per === perMillion;
    if (counted === 0 || (rate === 0 && !isToken)) return [];
    return { unit, count: counted, rate, per, cost: charge(counted, rate, per) };
  });
}
