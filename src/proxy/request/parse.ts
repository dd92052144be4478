import type { Settings } from '../../config/settings/settings-types.js';
import { BodyScanner, JsonSyntaxError } from '../../dialects/body/body-scanner.js';
import { noPlace, type RequestPlace } from '../../dialects/codec.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';
import type { Watchdog } from '../watchdog.js';
import { bodyInTime } from './body-in-time.js';

/**
 * Reads the request body, scanning it as it arrives.
 * @param place the part of the request in its path.
 * @param noted members whose places are needed besides those of its head.
 * @throws GatewayError `request_too_large`, `invalid_json`, `invalid_request`,
 *   `unsupported_encoding`, `request_timeout`; AbortedError.
 */
export async function parse(
  exchange: Exchange,
  dialect: Dialect,
  { max_body_bytes, body_timeout_ms }: Settings['server'],
  watchdog: Watchdog,
  place: RequestPlace = noPlace,
  noted: ReadonlySet<string> = dialect.said.tops,
): Promise<ModelRequest> {
  const encoding = exchange.header('content-encoding');
  if (encoding !== '' && encoding !== 'identity') {
    throw new GatewayError(
      'unsupported_encoding',
      `Request bodies encoded with ${encoding} are not accepted; send the body as it is.`,
      { headers: { 'accept-encoding': 'identity' } },
    );
  }
  const scanner = new BodyScanner(dialect.members, noted);
  let failure: unknown = null;
  try {
    const reading = exchange.readBody(max_body_bytes, (piece) => {
      // An exception from here would reach the engine instead of the request.
      try {
        if (failure === null) scanner.push(piece);
      } catch (error) {
        failure = error;
      }
    });
    const body = await bodyInTime(reading, body_timeout_ms, watchdog);
    if (failure !== null) throw failure;
    return dialect.readHead(body, scanner.finish(), place);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new GatewayError('invalid_json', `The request body is not valid JSON: ${error.message}.`);
  }
}
