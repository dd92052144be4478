import type postgres from 'postgres';

/** Members of a query of postgres.js 3.4 that its types leave out. */
export interface PendingQuery extends Promise<unknown> {
  /** True if it is awaited; fragments of other queries are never executed. */
  readonly executed: boolean;
  /** Sends it over a connection, now or when one is free. */
  readonly handler: (query: PendingQuery) => void;
  /** Null once it was cancelled. Rejects if the server cannot be told. */
  readonly canceller: ((query: PendingQuery) => Promise<void>) | null;
  /** The connection that it was sent over; null before. */
  readonly state: object | null;
  /** True while the server answers it, rather than those sent before it. */
  readonly active: boolean;
  /** Set by `canceller`: it is not sent any more. */
  cancelled: unknown;
  /** The text around its values, and these. */
  strings: readonly string[];
  args: readonly unknown[];
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** The same pool, which reports each query, and each fragment of one. */
export function eachQuery<S extends postgres.Sql>(
  sql: S,
  onQuery: (query: PendingQuery) => void,
): S {
  const shown = <T>(made: T): T => {
    if (made instanceof Promise) onQuery(made as object as PendingQuery);
    return made;
  };
  return new Proxy(sql, {
    apply: (target, self, args) => shown(Reflect.apply(target, self, args)),
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property);
      if (property !== 'unsafe' || typeof value !== 'function') return value;
      return (...args: unknown[]) => shown(Reflect.apply(value, target, args));
    },
  });
}
