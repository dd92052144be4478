import type { Exchange } from '../server/exchange.js';

/** Counts of requests, except those to `/mock/…` and `/health`. */
export interface MockStats {
  readonly requests: number;
  /** Requests whose answer has not ended. */
  readonly active: number;
  /** Requests whose client left before the answer had ended. */
  readonly aborted: number;
  readonly by_path: Readonly<Record<string, number>>;
  readonly last: RequestSeen | null;
}

export interface RequestSeen {
  method: string;
  path: string;
  /** All but the last 4 characters of the authorization are masked. */
  headers: Record<string, string>;
}

/** Counts requests; `stats` is a live view. */
export function createCounter() {
  let requests = 0;
  let active = 0;
  let aborted = 0;
  let last: Exchange | null = null;
  const byPath = new Map<string, number>();

  const stats: MockStats = {
    get requests() {
      return requests;
    },
    get active() {
      return active;
    },
    get aborted() {
      return aborted;
    },
    get by_path() {
      return Object.fromEntries(byPath);
    },
    get last() {
      return last === null
        ? null
        : { method: last.method, path: last.path, headers: headersOf(last) };
    },
  };

  return {
    stats,
    begin(exchange: Exchange): void {
      const { path } = exchange;
      requests++;
      active++;
      last = exchange;
      // Bounds the list: a gateway under test may send any path.
      const name = byPath.has(path) || byPath.size < maxPaths ? path : 'other';
      byPath.set(name, (byPath.get(name) ?? 0) + 1);
    },
    abort(): void {
      aborted++;
    },
    end(): void {
      active--;
    },
  };
}

export type Counter = ReturnType<typeof createCounter>;

const maxPaths = 100;

const secret = new Set(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key']);

/** The headers by name, repeated ones joined by a comma, secrets masked. */
export function headersOf({ headers }: Exchange): Record<string, string> {
  const byName: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const text = headers[index + 1] ?? '';
    const value = secret.has(name) ? mask(text) : text;
    byName[name] = name in byName ? `${byName[name]}, ${value}` : value;
  }
  return byName;
}

/** `Bearer sk-secretabcd` → `Bearer ***abcd`; a short key is masked whole. */
function mask(authorization: string): string {
  const [, scheme = '', key = ''] = /^(\S+\s+)?(.*)$/s.exec(authorization) ?? [];
  return `${scheme}***${key.length > 8 ? key.slice(-4) : ''}`;
}
