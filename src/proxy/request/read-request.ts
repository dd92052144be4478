import { isForm } from '../../dialects/body/multipart.js';
import { sessionMembers } from '../../dialects/body/session.js';
import type { RequestPlace } from '../../dialects/codec.js';
import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { alternativeMembers, type ModelRequest } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';
import { parse } from './parse.js';
import { Upload } from './upload.js';

/**
 * Reads a request for a model: JSON whole, a form with files up to the name of its model.
 * @throws GatewayError as `parse` and `Upload.open`; AbortedError.
 */
export async function readRequest(
  { settings, watchdog }: Gateway,
  exchange: Exchange,
  { dialect, form, pattern }: ModelEndpoint,
  place: RequestPlace,
  { allows }: RoutedCredential,
): Promise<{ request: ModelRequest; upload: Upload | null }> {
  const { server, routing } = settings;
  if (form && isForm(exchange.header('content-type'))) {
    // A field may follow the files, after the provider was asked: it must be refused.
    const refused = allows === null ? noFields : alternatives;
    const upload = await Upload.open(exchange, server, watchdog, refused);
    return { upload, request: upload.request(place, form.defaultModel) };
  }
  if (form?.only) {
    const message = `${pattern} takes multipart/form-data; the content-type must say so.`;
    throw new GatewayError('invalid_request', message, { param: 'content-type' });
  }
  const noted = routing.affinity === 'off' ? dialect.said.tops : sessionMembers(dialect);
  const request = await parse(exchange, dialect, server, watchdog, place, noted);
  return { upload: null, request };
}

const noFields: ReadonlySet<string> = new Set();
const alternatives: ReadonlySet<string> = new Set(alternativeMembers);
