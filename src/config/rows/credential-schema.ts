import { lossPolicies } from '../configuration.js';
import { cacheSchema } from './cache.js';
import { limitsSchema } from './limits.js';
import { timePattern } from './time-pattern.js';

const weight = {
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
} as const;

const tags = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 100 },
  maxItems: 100,
} as const;

export const teamProperties = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    pattern: '^(?!(?:\\d+|none)$)[^\\u0000-\\u001f\\u007f]+$',
    description: 'Unique name of the team; not `none`, and not only digits.',
  },
  allowed_models: {
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1 },
    description:
      'Models or wildcards that its keys may use, where the key allows them too; null or `["*"]` is all.',
  },
  limits: { ...limitsSchema, description: 'Limits of all its keys together.' },
  weight: {
    ...weight,
    description: 'Its share where requests wait for a provider, against other teams.',
  },
  tags: { ...tags, description: 'Tags of the requests of its keys.' },
  admins: {
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 200 },
    maxItems: 100,
    description:
      'Who is responsible for it, such as e-mail addresses. Signed in by OpenID, they have the role of the team.',
  },
  cache: {
    ...cacheSchema,
    description: 'Which answers are cached, as `cache` of a key says it; for keys without one.',
  },
} as const;

export const credentialProperties = {
  name: { type: 'string', minLength: 1, maxLength: 200, description: 'Whom the key is for.' },
  allowed_models: {
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1 },
    description: 'Models or wildcards that the key may use; null or `["*"]` is all.',
  },
  rate_limit: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      'Requests a second, and unless `burst` says otherwise as many at once; 0 blocks all, null is unlimited.',
  },
  burst: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 1_000_000_000,
    description:
      'Requests at once at most, of a key with a `rate_limit`; null is as many as that. In t seconds at most `burst` + `rate_limit` · t pass.',
  },
  is_enabled: { type: 'boolean', description: 'False refuses the key.' },
  expires_at: {
    type: ['string', 'null'],
    pattern: timePattern,
    description:
      'The key is refused from then on: ISO 8601 with a time zone, or a day in UTC; null is never.',
  },
  team: {
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 100,
    description: 'The team that the key belongs to, by name; null is none.',
  },
  limits: {
    ...limitsSchema,
    description: 'Limits beside `rate_limit`; of these and those of its team the tighter holds.',
  },
  weight: {
    ...weight,
    description: 'Its share where requests wait for a provider, against other keys of its team.',
  },
  priority: {
    type: 'integer',
    minimum: -1_000,
    maximum: 1_000,
    description: 'Where requests wait, those of a higher number go first within the team.',
  },
  tags: { ...tags, description: 'Words to find the key by; its requests have them as tags.' },
  store_bodies: {
    type: 'boolean',
    description:
      'True stores the bodies of its requests and answers, with the rows of its usage; false is the default.',
  },
  losses: {
    type: ['string', 'null'],
    enum: [...lossPolicies, null],
    description:
      'When a request of the key is translated and something of it would be lost: `strict` refuses it, `warn` names it in `x-llmproxy-lost`, `allow` says nothing; null is as each provider says. Of the two the stricter one counts.',
  },
  cache: {
    ...cacheSchema,
    description:
      'Which answers are cached: `mode` is `on`, `ask` (only where the header `x-llmproxy-cache: on` asks) or `off`; `scope` says with whom they are shared, the `key` (default), its `team` or `all`; `requests` is `deterministic` (default) or `all`; `single_flight` lets one of equal requests ask for all. Null: the rules of its team.',
  },
  allowed_ips: {
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1, maxLength: 64 },
    minItems: 1,
    maxItems: 1_000,
    description:
      'Addresses and networks, such as `10.0.0.0/8`, that the key may be used from; null is all. Behind a proxy, see `server.trusted_proxies`.',
  },
} as const;
