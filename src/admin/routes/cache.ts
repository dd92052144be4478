import { purgeCache } from '../../changes/cache.js';
import type { PurgeSelectors } from '../../config/rows/cache.js';
import type { CacheStatus } from '../../observe/gateway-state.js';
import { authorOf, waitParameter } from '../author-of.js';
import type { Control } from '../control.js';
import { jsonRequest, jsonResponse, object } from '../openapi/schemas.js';
import type { AdminRoute, ChangeRoute } from '../route.js';
import { warnings, warningsOf } from './named.js';

const integer = { type: 'integer' };
const name = { type: 'string', minLength: 1, maxLength: 200 };
const held = {
  answers: { ...integer, description: 'Cached answers.' },
  bytes: { ...integer, description: 'Memory for them.' },
  evicted: { ...integer, description: 'Answers evicted for others since the start.' },
};
const counts = {
  ...held,
  hits: { ...integer, description: 'Requests answered with a cached answer, since the start.' },
  misses: { ...integer, description: 'Requests that a provider was asked for.' },
  bypassed: { ...integer, description: 'Requests whose answers are not cached.' },
  kept: { ...integer, description: 'Answers that were cached.' },
};
const remote = {
  anyOf: [
    object({
      hits: { ...integer, description: 'Answers that another machine had kept.' },
      misses: { ...integer, description: 'Answers that none had.' },
      failures: { ...integer, description: 'Look-ups and answers that were given up.' },
    }),
    { type: 'null' },
  ],
  description: 'Use of the Valkey of the fleet, since the start; null where there is none.',
};
const nothing: CacheStatus = {
  ...{ answers: 0, bytes: 0, evicted: 0, hits: 0, misses: 0, bypassed: 0, kept: 0 },
};

/** Purges. A command can make them without a daemon too, since others may share the database. */
export const cachePurgeRoutes: readonly ChangeRoute[] = [
  {
    method: 'POST',
    path: '/admin/v1/cache/purge',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'purgeCache',
      summary: 'Forget cached answers',
      description:
        'On every worker and every daemon of the database, within a second. Of several members all must match; none is all answers.',
      tags: ['cache'],
      parameters: [waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        additionalProperties: false,
        properties: {
          key: { ...name, description: 'Name of the key whose requests were answered.' },
          team: { ...name, description: 'Its team.' },
          model: { ...name, description: 'The model asked for, or a wildcard.' },
        },
        examples: [{ team: 'chat', model: 'gpt-4o*' }],
      }),
      responses: {
        200: jsonResponse(
          'It is done, or with `wait` in use by every worker',
          object({
            version: { type: 'integer', description: 'Version of the configuration.' },
            applies_to: { type: 'object', description: 'Whose answers are forgotten.' },
            warnings,
          }),
        ),
      },
    },
    handle: async (request, control) => {
      const applies_to = request.body as PurgeSelectors;
      const { version } = await purgeCache(control, authorOf(request), applies_to);
      // Answers to a key that was deleted may still be cached.
      const absent = warningsOf({ applies_to }, control);
      return { status: 200, body: { version, applies_to, warnings: absent } };
    },
  },
];

/** `/admin/v1/cache`. */
export const cacheRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/cache',
    access: 'admin',
    operation: {
      operationId: 'getCache',
      summary: 'Show how many answers are cached, and how often they were reused',
      description: 'Of this machine, as its workers have reported it within the last second.',
      tags: ['cache'],
      responses: {
        200: jsonResponse(
          'The cache',
          object({
            max_bytes: { ...integer, description: 'Memory for cached answers, per worker.' },
            total: object(counts),
            workers: {
              type: 'array',
              items: object({ worker: { type: 'string' }, ...counts }),
            },
            shared: {
              anyOf: [object({ ...held, remote }), { type: 'null' }],
              description: 'What workers share, and machines; null where there is one worker.',
            },
          }),
        ),
      },
    },
    handle: (_, control) => ({ status: 200, body: describeCache(control) }),
  },
  ...cachePurgeRoutes,
];

/** The caches of this machine, as `GET /admin/v1/cache` answers it. */
export function describeCache(control: Control) {
  const { states, sharedCache } = control.workers();
  const workers = states.map(({ name: worker, status }) => ({
    worker,
    ...(status?.cache ?? nothing),
  }));
  const total = { ...nothing };
  for (const each of workers) {
    for (const count of Object.keys(total) as (keyof CacheStatus)[]) total[count] += each[count];
  }
  return { max_bytes: control.settings.cache.max_bytes, total, workers, shared: sharedCache };
}
