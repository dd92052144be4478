import { query } from '../../changes/query.js';
import { teamOfRole } from '../../config/settings/settings-types.js';
import { findPrice } from '../../db/queries/configuration/price-revisions.js';
import { findRequestLog } from '../../db/queries/requests/list-requests.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import { GatewayError } from '../../errors.js';
import type { Control } from '../control.js';
import { explainModel } from '../explain/explain-model.js';
import { explainRemembered, explainRow } from '../explain/explain-request.js';
import { providerState } from '../explain/provider-state.js';
import type { RequestExplanation } from '../explain/request-explanation.js';
import { requestIdAsked, requestIdIn } from '../lists/request-parameters.js';
import { errorReferences } from '../openapi/errors.js';
import { modelExplanation, requestExplanation } from '../openapi/explanation-schemas.js';
import { jsonResponse } from '../openapi/schemas.js';
import { paced } from '../pace.js';
import type { AdminAnswer, AdminRequest, AdminRoute } from '../route.js';

const explains =
  'Each daemon of the fleet remembers its last 10,000 requests; for older ones the answer is limited to `request_logs`. If several requests have this id, the newest is shown.';

/** Explains the routing of past and possible requests. Prompts and answers are not kept. */
export const explainRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/explain/{request_id}',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'explainRequest',
      summary: 'Explain a past request',
      description: `${explains} An id with a slash, backslash or percent sign needs \`GET /admin/v1/requests/explanation\`.`,
      tags: ['explain'],
      parameters: [requestIdIn('path')],
      responses: { 200: jsonResponse('What happened', requestExplanation) },
    },
    handle: explainPast,
  },
  {
    method: 'GET',
    path: '/admin/v1/requests/explanation',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'explainRequestById',
      summary: 'Explain a past request with any id',
      description: explains,
      tags: ['explain'],
      parameters: [requestIdIn('query')],
      responses: {
        ...errorReferences([404]),
        200: jsonResponse('What happened', requestExplanation),
      },
    },
    handle: explainPast,
  },
  {
    method: 'GET',
    path: '/admin/v1/explain',
    access: 'admin',
    operation: {
      operationId: 'explainModel',
      summary: 'Explain where a request for a model would go',
      description: 'By the active configuration and the state of its providers. Sends nothing.',
      tags: ['explain'],
      parameters: [
        {
          name: 'model',
          in: 'query',
          required: true,
          description: "The name in a client's request.",
          schema: { type: 'string', minLength: 1, maxLength: 256 },
        },
        {
          name: 'key',
          in: 'query',
          description: 'Name or id of a key; by default a key that may use every model.',
          schema: { type: 'string', minLength: 1, maxLength: 200 },
        },
        {
          name: 'endpoint',
          in: 'query',
          description: 'The endpoint that the client asks; by default any.',
          schema: { type: 'string', enum: modelEndpoints.map(({ pattern }) => pattern) },
        },
      ],
      responses: { 200: jsonResponse('Where it would go', modelExplanation) },
    },
    handle: async ({ query: parameters }, control) => ({
      status: 200,
      body: await explainUnsent(control, parameters),
    }),
  },
];

/** @throws GatewayError `not_found`, also for the request of another team than that of the role. */
async function explainPast(request: AdminRequest, control: Control): Promise<AdminAnswer> {
  const { role, signal } = request;
  const id = requestIdAsked(request);
  const own = teamOfRole(role);
  const isOwn = ({ team }: { team: string | null }) => own === null || team === own;
  const here = explainHere(control, id);
  if (here && isOwn(here)) return { status: 200, body: here };
  const elsewhere = control.fleet.explain(id);
  const asked = { kind: 'explain', key: id, role, signal } as const;
  const row = await control.reports.run(asked, (sql, stop) => findRequestLog(sql, id, stop));
  // A row may be older than what a daemon remembers, and the newest may have no row yet.
  const told = row && !control.fleet.has(row.daemon) ? null : await elsewhere;
  if (told && isOwn(told)) return { status: 200, body: told };
  if (row && isOwn(row)) {
    const price = await query(control, (sql) => findPrice(sql, row.price_revision));
    return { status: 200, body: explainRow(row, price) };
  }
  throw new GatewayError('not_found', `No request with the id "${id}" is known.`, {
    param: 'request_id',
  });
}

/** Explains a request that this daemon remembers; null: it does not. */
export function explainHere(control: Control, id: string): RequestExplanation | null {
  const remembered = control.recent.request(id);
  if (!remembered) return null;
  const { fleet, prices, recent, settings } = control;
  const providers = control.providersAt(remembered.event.configVersion);
  const priceOf = (revision: string) => prices.used(revision);
  return explainRemembered(fleet.id, remembered, providers, recent, settings.routing, priceOf);
}

/** Providers explained before the event loop has a turn: the APIs translated for each take long. */
const providersInTurn = 100;

async function explainUnsent(control: Control, parameters: URLSearchParams) {
  const { configuration } = control.active();
  const keyName = parameters.get('key');
  const pattern = parameters.get('endpoint');
  const key = keyName === null ? null : keyNamed(control, keyName);
  const nowMs = Date.now();
  const workers = control.workers().states;
  const unusable = control.secrets.unusable();
  const explanation = await explainModel(parameters.get('model') ?? '', {
    providers: configuration.providers,
    allowedModels: key?.allowed_models ?? null,
    endpoint: modelEndpoints.find((endpoint) => endpoint.pattern === pattern) ?? null,
    namesTranslated: true,
    routing: control.settings.routing,
    stateOf: (provider) => providerState(provider, workers, unusable, nowMs),
    pace: paced(providersInTurn),
  });
  return {
    ...explanation,
    key: key && {
      name: key.name,
      is_enabled: key.is_enabled,
      rate_limit: key.rate_limit,
      used_in_second: control.recent.requestsOf(key.name, nowMs),
    },
    config_version: configuration.version,
  };
}

function keyNamed(control: Control, name: string) {
  const { credentials } = control.active().configuration;
  const byId = /^\d{1,9}$/.test(name) && credentials.find(({ id }) => id === Number(name));
  const named = byId ? [byId] : credentials.filter((credential) => credential.name === name);
  const [key] = named;
  if (!key)
    throw new GatewayError('invalid_request', `There is no key "${name}".`, { param: 'key' });
  if (named.length === 1) return key;
  const ids = named.map(({ id }) => id).join(', ');
  const message = `${named.length} keys are named "${name}": use the id instead, one of ${ids}.`;
  throw new GatewayError('invalid_request', message, { param: 'key' });
}
