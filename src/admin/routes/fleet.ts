import { query } from '../../changes/query.js';
import { readDaemons } from '../../db/queries/fleet/daemons.js';
import { describeFleet } from '../describe-fleet.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import type { AdminRoute, ChangeRoute } from '../route.js';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const time = { type: 'string', format: 'date-time' };
const list = (items: object) => ({ type: 'array', items });

const fleet = object({
  config_version: { ...count, description: "Version of the configuration's rows." },
  versions: {
    ...list(text),
    description: 'Versions of llmproxy among the daemons that are not gone.',
  },
  daemons: list(
    object({
      id: text,
      host: text,
      version: text,
      pid: count,
      workers: count,
      listeners: list(text),
      state: {
        type: 'string',
        enum: ['starting', 'serving', 'draining', 'cut_off', 'gone'],
        description:
          '`cut_off`: it cannot reach the database, but serves. `gone`: it has ended without a word, or nobody reaches it. Only a daemon can tell: a command without one shows both as `gone`.',
      },
      config_version: {
        type: ['integer', 'null'],
        description: 'Version of its active configuration; null before the first.',
      },
      behind: {
        ...count,
        description: 'Changes of the configuration that it does not use yet.',
      },
      limit_store: {
        ...text,
        description: 'Where it leases limits from; daemons with different ones share none.',
      },
      started_at: time,
      heartbeat: time,
      heartbeat_age_ms: count,
    }),
  ),
});

/** `GET /admin/v1/fleet`: the daemons of the database, also for a command without a daemon. */
export const fleetViewRoutes: readonly ChangeRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/fleet',
    access: 'admin',
    operation: {
      operationId: 'getFleet',
      summary: 'List the daemons of the database',
      description:
        'Each daemon says every second that it lives. One that has ended without a word is shown as `gone` for an hour; one that still answers other daemons as `cut_off`. Daemons of earlier releases are not listed: they register nowhere.',
      tags: ['monitoring'],
      responses: { 200: jsonResponse('The daemons', fleet) },
    },
    handle: async (_, control) => {
      const { daemons, configVersion } = await query(control, readDaemons);
      return {
        status: 200,
        body: describeFleet(daemons, configVersion, undefined, control.serves),
      };
    },
  },
];

/** Questions about the fleet that only a daemon can answer. */
export const fleetRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/fleet/confirm',
    access: 'admin',
    operation: {
      operationId: 'confirmFleet',
      summary: 'Wait until every daemon uses a version of the configuration',
      description:
        'Answers as soon as all do, at the latest after 2 seconds: so after a kill switch or a revocation you know that no daemon serves any more what it did before.',
      tags: ['monitoring'],
      parameters: [
        {
          name: 'version',
          in: 'query',
          description: 'A `version` that a change has returned; by default the one active here.',
          schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
        },
      ],
      responses: {
        200: jsonResponse(
          'How many do',
          object({
            version: count,
            daemons: { ...count, description: 'Daemons that serve, or may.' },
            confirmed: { ...count, description: 'Those that use this version or a later one.' },
            missing: { ...list(text), description: 'Ids of the others.' },
          }),
        ),
      },
    },
    handle: async ({ query: parameters }, control) => {
      const asked = parameters.get('version');
      const version = asked === null ? control.active().configuration.version : Number(asked);
      return { status: 200, body: { version, ...(await control.fleet.confirm(version)) } };
    },
  },
];
