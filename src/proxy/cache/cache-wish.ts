import { GatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';

/** A client's wishes about the cache, by `x-llmproxy-cache` and `cache-control`. */
export interface CacheWish {
  /** Null: it does not say. */
  readonly asks: boolean | null;
  /** False: the answer is neither stored nor taken from the cache. */
  readonly mayStore: boolean;
  /** Maximum age of a cached answer in milliseconds; negative: none is accepted. */
  readonly maxAgeMs: number;
}

/** The wishes of a client that says nothing. */
const anything: CacheWish = {
  asks: null,
  mayStore: true,
  maxAgeMs: Number.POSITIVE_INFINITY,
};

/** @throws GatewayError `invalid_request`. */
export function cacheWishOf(exchange: Pick<Exchange, 'header'>): CacheWish {
  const asked = exchange.header('x-llmproxy-cache');
  const control = exchange.header('cache-control');
  if (asked === '' && control === '') return anything;
  const directives = control
    .toLowerCase()
    .split(',')
    .map((each) => each.trim());
  const mayStore = !directives.includes('no-store');
  const takesKept = mayStore && !directives.includes('no-cache');
  return { asks: asksOf(asked), mayStore, maxAgeMs: takesKept ? maxAgeIn(directives) : -1 };
}

function asksOf(asked: string): boolean | null {
  if (asked === '') return null;
  if (asked === 'on' || asked === 'off') return asked === 'on';
  throw new GatewayError('invalid_request', 'x-llmproxy-cache must be on or off.', {
    param: 'x-llmproxy-cache',
  });
}

/** RFC 9111 section 5.2.1.1; an unreadable value accepts no cached answer. */
function maxAgeIn(directives: readonly string[]): number {
  const said = directives.find((each) => each.startsWith('max-age='));
  if (said === undefined) return Number.POSITIVE_INFINITY;
  const [, seconds] = /^max-age="?(\d{1,10})"?$/.exec(said) ?? [];
  return seconds === undefined ? -1 : Number(seconds) * 1_000;
}
