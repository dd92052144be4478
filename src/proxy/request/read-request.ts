import { isForm } from '../../dialects/body/multipart.js';
import { sessionMembers } from '../../dialects/body/session.js';
import { noPlace, type RequestPlace } from '../../dialects/codec.js';
import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { alternativeMembers, type ModelRequest } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';
import { parse } from './parse.js';
import { Upload } from './upload.js';

/** A request for a model, and its form where it is one. */
export interface ReadRequest {
  request: ModelRequest;
  upload: Upload | null;
}

/**
 * Reads a request for a model: JSON whole, a form with files up to the name of its model.
 * @returns a promise only where it has not arrived yet; it and the call throw alike.
 * @throws GatewayError as `parse` and `Upload.open`; AbortedError.
 */
export function readRequest(
  { settings, watchdog, cache }: Gateway,
  exchange: Exchange,
  { dialect, form, pattern }: ModelEndpoint,
  place: RequestPlace,
  credential: RoutedCredential,
): ReadRequest | Promise<ReadRequest> {
  const { server, routing } = settings;
  if (form && isForm(exchange.header('content-type'))) {
    // A field may follow the files, after the provider was asked: it must be refused.
    const refused = credential.allows === null ? noFields : alternatives;
    return Upload.open(exchange, server, watchdog, refused).then((upload) => {
      return { upload, request: upload.request(place, form.defaultModel) };
    });
  }
  if (form?.only) {
    const message = `${pattern} takes multipart/form-data; the content-type must say so.`;
    throw new GatewayError('invalid_request', message, { param: 'content-type' });
  }
  const noted = routing.affinity === 'off' ? dialect.said.tops : sessionMembers(dialect);
  // Only what is cached is asked for often.
  const known = credential.cache && place === noPlace ? cache.bodies : null;
  const request = parse(exchange, dialect, server, watchdog, place, noted, known);
  return request instanceof Promise ? request.then(withoutForm) : withoutForm(request);
}

function withoutForm(request: ModelRequest): ReadRequest {
  return { request, upload: null };
}

const noFields: ReadonlySet<string> = new Set();
const alternatives: ReadonlySet<string> = new Set(alternativeMembers);
