import { noPlace, type RequestPlace } from '../../dialects/codec.js';
import type { ServedEndpoint } from '../../dialects/endpoint.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { Call } from '../../policies/policy.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import { keptBody, noBody } from '../answer/body-keeper.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import type { Upload } from '../request/upload.js';
import { PolicyRuns } from './policy-runs.js';
import { policyServices } from './policy-services.js';

/** The request that policies are opened for. */
export interface Served {
  gateway: Gateway;
  endpoint: ServedEndpoint;
  credential: RoutedCredential;
  record: RequestRecord;
}

/**
 * Opens the policies of a request in its record, and lets them see it.
 * @returns the request, possibly edited.
 * @throws GatewayError where a policy refuses the request.
 */
export async function applyPolicies(
  served: Served,
  request: ModelRequest,
  upload: Upload | null,
  place: RequestPlace = noPlace,
): Promise<ModelRequest> {
  const { record } = served;
  record.policies = openPolicies(served, request, bodyOf(served, upload), place);
  if (!record.policies) return request;
  const { bodies } = record;
  // Texts that a policy refuses or removes must not be stored either.
  if (bodies) record.bodies = { ...bodies, request: noBody };
  const checked = await record.policies.before(request);
  if (bodies) {
    const kept = checked === request ? bodies.request : keptBody(checked.body);
    record.bodies = { ...bodies, request: kept };
  }
  return checked;
}

function openPolicies(
  { gateway, endpoint, credential, record }: Served,
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
    body,
    services: policyServices(gateway, credential, record),
    note: (outcome) => record.checked(outcome),
  };
  const opened = policies.all.map((policy) => ({ needs: policy.needs, run: policy.open(call) }));
  const holding = opened.filter(({ needs }) => needs === 'hold');
  return new PolicyRuns(
    opened.map(({ run }) => run),
    holding.map(({ run }) => run),
  );
}

function bodyOf({ endpoint }: Served, upload: Upload | null): Call['body'] {
  if (endpoint.kind === 'socket') return 'socket';
  return upload ? 'form' : 'whole';
}
