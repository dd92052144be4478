import { withOwnResultsUrl } from '../../dialects/anthropic/results-url.js';
import { isForm } from '../../dialects/body/multipart.js';
import { isObject } from '../../dialects/conversation/read.js';
import type { ResourceEndpoint } from '../../dialects/endpoint.js';
import { parsedJson } from '../../dialects/errors/answer-error.js';
import { type ModelRequest, requestWithout } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { Candidate, RoutedCredential, RoutedProvider } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';
import { admit } from '../admission/admit.js';
import { reserve, tokensNeeded } from '../admission/quota.js';
import { refuseUnmetered } from '../admission/spend.js';
import { relayAnswer } from '../answer/relay-answer.js';
import { dispatch } from '../attempts/dispatch.js';
import type { PlannedRequest } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import { applyPolicies } from '../policies/applied-policies.js';
import type { RequestRecord } from '../record.js';
import { parse } from '../request/parse.js';
import { decoded, pathAsListed } from '../request/path-forms.js';
import { Upload } from '../request/upload.js';
import { boundTo, type Named, namedIn, routeTo } from './bound.js';
import { relayList } from './relay-list.js';
import { ownerOf } from './resources.js';

/** Says at which provider something is made or listed. */
const providerHeader = 'x-llmproxy-provider';

/**
 * Relays a request about an object that a client has made at a provider, or a request to make one:
 * to the provider where it lives, and only for its owner.
 * @throws GatewayError `not_found`, `invalid_request`, `model_not_allowed`, `unavailable`; as
 *   `dispatch`; AbortedError.
 */
export async function serveResource(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: ResourceEndpoint,
  credential: RoutedCredential,
  record: RequestRecord,
): Promise<void> {
  const method = exchange.method as 'GET' | 'POST' | 'DELETE';
  const below = belowOf(exchange.path, endpoint);
  const isMade = below === '' && method === 'POST';
  if (isMade && endpoint.hidesModels && credential.allows !== null) {
    const message = `This key may use some models only, and a ${endpoint.noun} can name any.`;
    throw new GatewayError('model_not_allowed', message);
  }
  if (isMade && endpoint.hidesModels) refuseUnmetered(gateway, record, endpoint.noun, null);
  const { request: asked, upload } = await readBody(gateway, exchange, endpoint);
  const { dialect } = endpoint;
  const within = dialect.resources?.within?.(asked.body) ?? [];
  const named: Named[] = [
    ...namedIn(asked, dialect),
    ...within.map((each) => ({ ...each, isMaybeForeign: true })),
  ];
  const id = decoded(below.split('/')[1] ?? '');
  if (below !== '') named.unshift({ id, param: null });
  const provider = await boundTo(gateway, credential, named);
  const request = gateway.snapshot.policies
    ? await applyPolicies({ gateway, endpoint, credential, record }, asked, upload)
    : asked;
  const planned: PlannedRequest = {
    request,
    upload,
    method,
    endpoint,
    routes: [routeTo(candidateFor(gateway, exchange, endpoint, below, provider))],
    routesOfKind: () => [],
    read: { conversation: null },
  };
  const { quotas } = credential;
  if (quotas) {
    const needed = tokensNeeded(request, endpoint.dialect);
    record.reservation = await reserve(gateway, quotas, needed, '', endpoint.dialect);
  }
  const release = await admit(gateway, record);
  try {
    const isList = below === '' && method === 'GET';
    if (isList) return await relayList(gateway, exchange, planned, ownerOf(credential), record);
    const answer = await dispatch(gateway, exchange, planned, record);
    const { attempt } = answer;
    const isObjects = attempt.ended && attempt.status < 300 && !/\/(content|results)$/.test(below);
    if (isObjects) note(gateway, attempt.held, credential, record);
    if (isObjects && endpoint.dialect.name === 'anthropic.batches') {
      attempt.edit(Buffer.from(withOwnResultsUrl(attempt.held.toString())));
    }
    await relayAnswer(gateway, answer, exchange, planned, record);
  } finally {
    release();
  }
}

/** The rest of a path after the collection, with its slash; empty for the collection itself. */
function belowOf(path: string, { path: collection, pattern }: ResourceEndpoint): string {
  if (!pattern.endsWith('{id}')) return '';
  const known = pathAsListed(path);
  return known.slice(known.indexOf(`${collection}/`) + collection.length);
}

async function readBody(
  { settings, watchdog }: Gateway,
  exchange: Exchange,
  { dialect }: ResourceEndpoint,
): Promise<{ request: ModelRequest; upload: Upload | null }> {
  const none: ModelRequest = { ...requestWithout(''), modelIn: 'path' };
  const isEmpty =
    /^0?$/.test(exchange.header('content-length')) && exchange.header('transfer-encoding') === '';
  if (exchange.method !== 'POST' || isEmpty) return { request: none, upload: null };
  if (isForm(exchange.header('content-type'))) {
    return { request: none, upload: await Upload.open(exchange, settings.server, watchdog, null) };
  }
  return { request: await parse(exchange, dialect, settings.server, watchdog), upload: null };
}

/**
 * @param bound the provider where the named objects live; null: none are named.
 * @throws GatewayError `not_found`, `invalid_request`, `no_provider_available`.
 */
function candidateFor(
  { snapshot, health }: Gateway,
  exchange: Exchange,
  { dialect, path, pattern }: ResourceEndpoint,
  below: string,
  bound: string | null,
): Candidate {
  const at = (provider: RoutedProvider): Candidate | null => {
    const wire = provider.wires.to({ dialect, path: path + below }, '');
    if (!wire) return null;
    const { weight, priority } = provider;
    const shared = { weight, priority, ownWeight: weight, movedSessions: null };
    return { provider, model: '', ...shared, prices: () => null, wire: () => wire };
  };
  const asked = exchange.header(providerHeader);
  const key = bound ?? (asked === '' ? null : asked);
  const usable = [...snapshot.providers]
    .filter((provider) => key === null || provider.key === key)
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const isIn = ({ key }: RoutedProvider) => !health.isOut(key, Date.now(), '');
  for (const provider of [...usable.filter(isIn), ...usable]) {
    const candidate = at(provider);
    if (candidate) return candidate;
  }
  if (bound !== null) {
    const message = `The provider "${bound}", where this lives, is not there any more.`;
    throw new GatewayError('no_provider_available', message);
  }
  if (asked !== '') {
    const message = `No provider "${asked}" has ${pattern}.`;
    throw new GatewayError('invalid_request', message, { param: providerHeader });
  }
  throw new GatewayError('not_found', `No provider has ${pattern}.`);
}

/** Records the owner of the objects in an answer: the one made, and files that it contains. */
function note(
  { resources }: Gateway,
  body: Buffer,
  credential: RoutedCredential,
  { provider }: RequestRecord,
): void {
  const object = parsedJson(body.toString());
  if (!isObject(object) || provider === null) return;
  const { id, file, output_file_id, error_file_id, result_files } = object;
  const inner = isObject(file) ? file.id : null;
  const results = Array.isArray(result_files) ? result_files : [];
  const owner = ownerOf(credential);
  for (const each of [id, inner, output_file_id, error_file_id, ...results]) {
    if (typeof each === 'string' && each.length <= maxIdLength) {
      resources.made({ id: each, provider, owner });
    }
  }
}

const maxIdLength = 256;
