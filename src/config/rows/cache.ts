export const cacheModes = ['on', 'ask', 'off'] as const;
export type CacheMode = (typeof cacheModes)[number];

export const cacheScopes = ['key', 'team', 'all'] as const;
export type CacheScope = (typeof cacheScopes)[number];

export const cachedRequests = ['deterministic', 'all'] as const;
export type CachedRequests = (typeof cachedRequests)[number];

/** Selects the answers to cache; the member `cache` of a key or a team. */
export interface CacheRules {
  /** `on`: of all requests; `ask`: of those whose header asks for it. */
  mode: CacheMode;
  /** With whom answers are shared; absent: `key`. */
  scope?: CacheScope;
  /** Time to live in milliseconds; absent: the setting's. */
  ttl_ms?: number;
  /** Absent: `deterministic`. */
  requests?: CachedRequests;
  /** True: of equal requests at once, one asks the provider. */
  single_flight?: boolean;
  /** Models, by name or wildcard; absent: all. */
  models?: string[];
}

/** Longer than any answer may be kept. */
export const maxTtlMs = 604_800_000;

export const cacheSchema = {
  type: ['object', 'null'],
  required: ['mode'],
  additionalProperties: false,
  properties: {
    mode: { type: 'string', enum: cacheModes },
    scope: { type: 'string', enum: cacheScopes },
    ttl_ms: { type: 'integer', minimum: 1, maximum: maxTtlMs },
    requests: { type: 'string', enum: cachedRequests },
    single_flight: { type: 'boolean' },
    models: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 256 },
      minItems: 1,
      maxItems: 100,
    },
  },
} as const;

/** A purge of cached answers: a row of `cache_purges`. */
export interface CachePurge {
  id: number;
  applies_to: PurgeSelectors;
}

/** Selects cached answers: those that match every given name. */
export interface PurgeSelectors {
  /** Name of the key whose request was answered. */
  key?: string;
  team?: string;
  /** Clients' name of the model, or a wildcard. */
  model?: string;
}
