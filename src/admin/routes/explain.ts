import { query } from '../../changes/query.js';
import { unitNames } from '../../config/rows/price.js';
import { teamOfRole } from '../../config/settings/settings-types.js';
import { findRequestLog } from '../../db/queries/requests/list-requests.js';
import { findPrice } from '../../db/queries/configuration/price-revisions.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import { GatewayError } from '../../errors.js';
import type { Control } from '../control.js';
import { explainModel } from '../explain/explain-model.js';
import {
  explainRemembered,
  explainRow,
  type RequestExplanation,
} from '../explain/explain-request.js';
import { providerState } from '../explain/provider-state.js';
import { guardrailOutcome, jsonResponse, object } from '../openapi/schemas.js';
import type { AdminRoute } from '../route.js';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const integer = { type: 'integer' };
const number = { type: 'number' };
const numberOrNull = { type: ['number', 'null'] };
const yes = { type: 'boolean' };
const yesOrNull = { type: ['boolean', 'null'] };
const list = (items: object) => ({ type: 'array', items });
const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });

const attempted = object({
  provider: text,
  model_sent: text,
  outcome: text,
  status: { type: ['integer', 'null'] },
  reason: textOrNull,
  at_ms: number,
  took_ms: number,
});
const considered = object({
  provider: text,
  pattern: textOrNull,
  model_sent: text,
  weight: integer,
  priority: integer,
  ejected: yesOrNull,
  tried: yes,
  reason: text,
});
const costExplanation = object({
  cost_nano: { ...integer, description: 'Nano-dollars.' },
  cost: { ...text, description: 'The same in dollars, exact.' },
  currency: text,
  price_revision: { ...text, description: 'Names the price that it was made with.' },
  price: textOrNull,
  lines: {
    ...orNull(
      list(
        object({
          unit: { type: 'string', enum: unitNames },
          count: integer,
          rate: { ...integer, description: 'Nano-dollars for `per` of them.' },
          per: integer,
          cost: { ...integer, description: 'Nano-dollars; they add up to `cost_nano`.' },
        }),
      ),
    ),
    description: 'Class by class; null where the price is not known any more.',
  },
});
const requestExplanation = object({
  request_id: text,
  trace_id: {
    ...textOrNull,
    description: 'Null where it was not traced, or only its row is kept.',
  },
  source: { type: 'string', enum: ['memory', 'row'] },
  daemon: { ...textOrNull, description: 'Id of the daemon that served it.' },
  started_at: { type: 'string', format: 'date-time' },
  endpoint: text,
  key: textOrNull,
  team: textOrNull,
  user: textOrNull,
  tags: list(text),
  model_asked: textOrNull,
  model_sent: textOrNull,
  provider: textOrNull,
  status: integer,
  error: textOrNull,
  stream: yes,
  complete: yes,
  total_ms: number,
  upstream_ms: number,
  first_token_ms: numberOrNull,
  attempts: integer,
  attempts_log: { ...orNull(list(attempted)), description: 'Null where only the row is kept.' },
  attempts_end: textOrNull,
  translated_to: textOrNull,
  lost: textOrNull,
  guardrails: { type: 'array', items: guardrailOutcome },
  candidates: {
    ...orNull(list(considered)),
    description: 'By the configuration that the request used; null where that is no longer kept.',
  },
  limits: orNull(object({ rate_limit: numberOrNull, used_in_second: integer })),
  tokens: orNull(object({ prompt: integer, completion: integer, source: text })),
  prompt_cache: {
    ...orNull(
      object({
        prefers: textOrNull,
        moved: yes,
        cached_tokens: integer,
        move_cost_nano: { type: ['integer', 'null'] },
      }),
    ),
    description:
      'What the provider had of the prompt in its prompt cache, which provider the session prefers, and what a move to another one costs; null where there is nothing to say.',
  },
  cache: {
    ...orNull(
      object({ result: text, age_ms: numberOrNull, saved_nano: { type: ['integer', 'null'] } }),
    ),
    description: 'Null where no answers are cached for the key.',
  },
  cost: {
    ...orNull(costExplanation),
    description: 'Null where no price was known, or no provider answered.',
  },
  config_version: { type: ['integer', 'null'] },
});
const candidate = object({
  provider: text,
  pattern: textOrNull,
  model_sent: text,
  weight: integer,
  priority: integer,
  state: text,
  until: textOrNull,
  in_flight: integer,
  max_concurrency: { type: ['integer', 'null'] },
  latency_ms: numberOrNull,
  translated: {
    ...list(text),
    description: 'The APIs whose requests are translated for it; it speaks the others itself.',
  },
  share: numberOrNull,
  reason: text,
});
const modelExplanation = object({
  model_asked: text,
  prefix_removed: textOrNull,
  model: text,
  allowed: yes,
  allowed_by: textOrNull,
  strategy: text,
  max_attempts: integer,
  routes: list(
    object({
      model: text,
      fallback: yes,
      translated: {
        ...yes,
        description: 'With `endpoint`: whether its providers are asked in another API.',
      },
      skipped: textOrNull,
      candidates: list(candidate),
      others: list(object({ provider: text, reason: text })),
    }),
  ),
  error: textOrNull,
  key: orNull(
    object({ name: text, is_enabled: yes, rate_limit: numberOrNull, used_in_second: integer }),
  ),
  config_version: integer,
});

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
      description:
        'Each daemon of the fleet remembers its last 10,000 requests; for older ones the answer is limited to `request_logs`. If several requests have this id, the newest is shown.',
      tags: ['explain'],
      parameters: [
        {
          name: 'request_id',
          in: 'path',
          required: true,
          description: "The answer's `x-request-id`.",
          schema: { type: 'string', minLength: 1, maxLength: 128 },
        },
      ],
      responses: { 200: jsonResponse('What happened', requestExplanation) },
    },
    handle: async ({ params, role, signal }, control) => {
      const id = params.request_id ?? '';
      const own = teamOfRole(role);
      const isOwn = ({ team }: { team: string | null }) => own === null || team === own;
      const here = explainHere(control, id);
      if (here && isOwn(here)) return { status: 200, body: here };
      const elsewhere = control.fleet.explain(id);
      const asked = { kind: 'explain', key: id, signal } as const;
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
    },
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
    handle: ({ query: parameters }, control) => ({
      status: 200,
      body: explainUnsent(control, parameters),
    }),
  },
];

/** Explains a request that this daemon remembers; null: it does not. */
export function explainHere(control: Control, id: string): RequestExplanation | null {
  const remembered = control.recent.request(id);
  if (!remembered) return null;
  const { fleet, prices, recent, settings } = control;
  const providers = control.providersAt(remembered.event.configVersion);
  const priceOf = (revision: string) => prices.used(revision);
  return explainRemembered(fleet.id, remembered, providers, recent, settings.routing, priceOf);
}

function explainUnsent(control: Control, parameters: URLSearchParams) {
  const { configuration } = control.active();
  const keyName = parameters.get('key');
  const pattern = parameters.get('endpoint');
  const key = keyName === null ? null : keyNamed(control, keyName);
  const nowMs = Date.now();
  const workers = control.workers().states;
  const unusable = control.secrets.unusable();
  const explanation = explainModel(parameters.get('model') ?? '', {
    providers: configuration.providers,
    allowedModels: key?.allowed_models ?? null,
    endpoint: modelEndpoints.find((endpoint) => endpoint.pattern === pattern) ?? null,
    routing: control.settings.routing,
    stateOf: (provider) => providerState(provider, workers, unusable, nowMs),
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
