import { noPlace, type RequestPlace } from '../dialects/codec.js';
import type { ServedEndpoint } from '../dialects/endpoint.js';
import type { ModelRequest } from '../dialects/head.js';
import type { Before, Call } from '../policies/policy.js';
import { modelMeant } from '../routing/model-order.js';
import type { RoutedCredential } from '../routing/snapshot.js';
import type { Exchange } from '../server/exchange.js';
import { keptBody, noBody } from './body-keeper.js';
import type { Gateway } from './gateway.js';
import { PolicyRuns } from './policy-runs.js';
import { policyServices } from './policy-services.js';
import type { RequestRecord } from './record.js';

/** The request that policies are opened for. */
export interface Served {
  gateway: Gateway;
  exchange: Exchange;
  endpoint: ServedEndpoint;
  credential: RoutedCredential;
  record: RequestRecord;
}

/**
 * Opens the policies of a request in its record, and lets them see it.
 * @returns the request to go on with, or an answer in its place; null where it has no policy.
 * @throws GatewayError where a policy refuses the request.
 */
export async function applyPolicies(
  served: Served,
  request: ModelRequest,
  body: Call['body'],
  place: RequestPlace = noPlace,
): Promise<Before | null> {
  const { record } = served;
  record.policies = openPolicies(served, request, body, place);
  if (!record.policies) return null;
  const bodies = record.bodies;
  // What a policy refuses or takes out is not stored either.
  if (bodies) record.bodies = { ...bodies, request: noBody };
  const before = await record.policies.before(request);
  if (bodies && 'request' in before) {
    const kept = before.request === request ? bodies.request : keptBody(before.request.body);
    record.bodies = { ...bodies, request: kept };
  }
  return before;
}

function openPolicies(
  { gateway, exchange, endpoint, credential, record }: Served,
  request: ModelRequest,
  body: Call['body'],
  place: RequestPlace,
): PolicyRuns | null {
  const { snapshot, settings } = gateway;
  const model = request.model === '' ? '' : modelMeant(request.model, settings.routing);
  const policies = snapshot.policies?.of(credential, model);
  if (!policies) return null;
  const call: Call = {
    requestId: record.requestId,
    caller: credential,
    model,
    pattern: endpoint.pattern,
    dialect: endpoint.dialect,
    place,
    asked: request,
    body,
    policies: policies.digest,
    header: (name) => exchange.header(name),
    onAbort: (callback) => exchange.onAbort(callback),
    services: policyServices(gateway, credential, record),
    note: (outcome) => record.checked(outcome),
  };
  const runs = policies.all.flatMap((policy) => policy.open(call) ?? []);
  return runs.length === 0 ? null : new PolicyRuns(runs);
}
