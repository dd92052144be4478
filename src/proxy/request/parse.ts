import type { Settings } from '../../config/settings/settings-types.js';
import { BodyScanner, JsonSyntaxError } from '../../dialects/body/body-scanner.js';
import { noPlace, type RequestPlace } from '../../dialects/codec.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { BodyReader } from '../../policies/cache/body-facts.js';
import type { Exchange } from '../../server/exchange.js';
import type { Watchdog } from '../watchdog.js';
import { bodyInTime } from './body-in-time.js';

/**
 * Reads the request body, scanning it as it arrives.
 * @param place the part of the request in its path.
 * @param noted members whose places are needed besides those of its head.
 * @param known remembers small bodies, whose requests are then shared; null: not these.
 * @returns a promise only where the body has not arrived yet; it and the call throw alike.
 * @throws GatewayError `request_too_large`, `invalid_json`, `invalid_request`,
 *   `unsupported_encoding`, `request_timeout`; AbortedError.
 */
export function parse(
  exchange: Exchange,
  dialect: Dialect,
  server: Settings['server'],
  watchdog: Watchdog,
  place: RequestPlace = noPlace,
  noted: ReadonlySet<string> = dialect.said.tops,
  known: BodyReader | null = null,
): ModelRequest | Promise<ModelRequest> {
  const encoding = exchange.header('content-encoding');
  if (encoding !== '' && encoding !== 'identity') {
    throw new GatewayError(
      'unsupported_encoding',
      `Request bodies encoded with ${encoding} are not accepted; send the body as it is.`,
      { headers: { 'accept-encoding': 'identity' } },
    );
  }
  const arrived = exchange.takeBody?.(server.max_body_bytes) ?? null;
  if (arrived === null) return parseArriving(exchange, dialect, server, watchdog, place, noted);
  const read = (body: Buffer) => {
    try {
      const scanner = new BodyScanner(dialect.members, noted);
      scanner.push(body);
      return dialect.readHead(body, scanner.finish(), place);
    } catch (error) {
      throw withCode(error);
    }
  };
  return known ? known.request(arrived, dialect, read) : read(arrived);
}

async function parseArriving(
  exchange: Exchange,
  dialect: Dialect,
  { max_body_bytes, body_timeout_ms }: Settings['server'],
  watchdog: Watchdog,
  place: RequestPlace,
  noted: ReadonlySet<string>,
): Promise<ModelRequest> {
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
    throw withCode(error);
  }
}

function withCode(error: unknown): unknown {
  if (!(error instanceof JsonSyntaxError)) return error;
  return new GatewayError('invalid_json', `The request body is not valid JSON: ${error.message}.`);
}
